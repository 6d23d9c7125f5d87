// The object vocabulary: emoji | names (first = canonical, the rest = synonyms) [| article override]
// One line per concept.  Names are our own normalisation of the Unicode emoji names / emojilib keywords.
export const CONCEPTS = `
🐶 dog face, puppy, dog
🐺 wolf
🦊 fox
🦝 raccoon
🐱 cat face, kitten, cat
🦁 lion
🐯 tiger
🐴 horse
🦄 unicorn
🦓 zebra
🦌 deer
🐮 cow
🐷 pig
🐏 ram, sheep
🐐 goat
🐫 camel
🦒 giraffe
🐘 elephant
🦏 rhinoceros, rhino
🦛 hippopotamus, hippo
🐭 mouse
🐹 hamster
🐰 rabbit, bunny
🐿️ squirrel, chipmunk
🦔 hedgehog
🦇 bat
🐻 bear
🐨 koala
🐼 panda
🦥 sloth
🦘 kangaroo
🐔 chicken, hen
🐤 chick, baby chick
🐦 bird
🐧 penguin
🦅 eagle
🦆 duck
🦢 swan
🦉 owl
🦩 flamingo
🦚 peacock
🦜 parrot
🐸 frog
🐊 crocodile, alligator
🐢 turtle, tortoise
🦎 lizard
🐍 snake
🐲 dragon
🦕 dinosaur, sauropod
🐳 whale
🐬 dolphin
🐟 fish
🐠 tropical fish
🐡 pufferfish, blowfish
🦈 shark
🐙 octopus
🐚 seashell, shell
🦀 crab
🦞 lobster
🦐 shrimp
🐌 snail
🦋 butterfly
🐛 caterpillar, bug
🐜 ant
🐝 bee, honeybee
🐞 ladybug
🕷️ spider
🦂 scorpion
🌹 rose, red rose
🌻 sunflower
🌷 tulip
🌸 cherry blossom, pink flower
🌱 seedling, sprout
🌲 pine tree, evergreen tree
🌳 tree
🌴 palm tree
🌵 cactus
🍀 clover, four leaf clover
🍁 maple leaf
🍃 leaves, green leaves
🍄 mushroom
💐 bouquet, bouquet of flowers
🍇 grapes
🍉 watermelon
🍊 orange, tangerine
🍋 lemon
🍌 banana
🍍 pineapple
🥭 mango
🍎 red apple, apple
🍏 green apple
🍐 pear
🍑 peach
🍒 cherries, cherry
🍓 strawberry
🫐 blueberries, blueberry
🥝 kiwi, kiwi fruit
🍅 tomato
🥥 coconut
🥑 avocado
🍆 eggplant, aubergine
🥔 potato
🥕 carrot
🌽 corn, ear of corn
🌶️ chili pepper, hot pepper
🥒 cucumber
🥦 broccoli
🧅 onion
🥜 peanuts, peanut
🍞 bread, loaf of bread
🥐 croissant
🥨 pretzel
🥞 pancakes
🧀 cheese
🍗 chicken leg, poultry leg
🍔 hamburger, burger
🍟 french fries, fries
🍕 pizza, slice of pizza
🌭 hot dog
🥪 sandwich
🌮 taco
🥚 egg
🍳 fried egg
🍿 popcorn
🍣 sushi
🍝 spaghetti, pasta
🍦 soft ice cream
🍨 ice cream
🍩 donut, doughnut
🍪 cookie
🎂 birthday cake, cake
🍰 slice of cake, shortcake
🧁 cupcake
🍫 chocolate bar, chocolate
🍬 candy
🍭 lollipop
🍯 honey, honey pot
🥛 glass of milk, milk
☕ cup of coffee, coffee
🍷 glass of wine, wine
🍺 beer, mug of beer
🚗 car, red car, automobile
🚕 taxi
🚌 bus
🚓 police car
🚑 ambulance
🚒 fire truck, fire engine
🚚 truck, delivery truck
🚜 tractor
🏎️ racing car, race car
🏍️ motorcycle, motorbike
🚲 bicycle, bike
🚂 steam train, locomotive
🚆 train
✈️ airplane, plane
🚁 helicopter
🚀 rocket
🛸 ufo, flying saucer
⛵ sailboat
🚢 ship
⚓ anchor
🚦 traffic light
🛑 stop sign
🏠 house
🏰 castle
⛺ tent
🗻 mountain, mount fuji
🌋 volcano
🏝️ desert island, island
🌍 earth, globe
🌙 moon, crescent moon
☀️ sun
🪐 planet, saturn
⭐ star
☁️ cloud
🌧️ rain cloud, rain
⚡ lightning, lightning bolt
🌈 rainbow
☂️ umbrella
❄️ snowflake
⛄ snowman
🔥 fire, flame
💧 water drop, droplet
🌊 wave, water wave
🎃 pumpkin, jack-o-lantern
🎄 christmas tree
🎈 balloon, red balloon
🎁 gift, present
🏆 trophy
⚽ soccer ball, football
⚾ baseball
🏀 basketball
🎾 tennis ball
🎲 dice
🧸 teddy bear
🎨 palette, artist palette
🎸 guitar
🎺 trumpet
🎻 violin
🥁 drum
🎹 piano, piano keyboard
👓 glasses
🕶️ sunglasses
👕 shirt, t-shirt
👖 jeans
👗 dress
🧦 socks
👟 running shoe, sneaker
👑 crown
🎩 top hat
💍 ring, diamond ring
💎 diamond, gem
🔔 bell
🎧 headphones
📱 phone, mobile phone
☎️ telephone
💻 laptop, computer
📺 television, tv
📷 camera
⏰ alarm clock, clock
⌛ hourglass
💡 light bulb
🕯️ candle
📕 red book, book
📗 green book
📘 blue book
📚 books, stack of books
✉️ envelope, letter
✏️ pencil
✂️ scissors
🔑 key
🔒 padlock, lock
🔨 hammer
🧲 magnet
🔍 magnifying glass
🔭 telescope
🛡️ shield
💣 bomb
🪑 chair
🛏️ bed
🚪 door
🛁 bathtub
🪣 bucket
💰 money bag
😀 smiley, grinning face, happy face
😎 cool face, face with sunglasses
😢 sad face, crying face
😡 angry face
😴 sleeping face
😍 love face, face with heart eyes
😮 surprised face
💀 skull
👻 ghost
👽 alien
🤖 robot
🤡 clown
💩 poop
❤️ red heart, heart
🧡 orange heart
💛 yellow heart
💚 green heart
💙 blue heart
💜 purple heart
🖤 black heart
🔴 red circle
🟠 orange circle
🟡 yellow circle
🟢 green circle
🔵 blue circle
🟣 purple circle
⚫ black circle
🟥 red square
🟧 orange square
🟨 yellow square
🟩 green square
🟦 blue square
🟪 purple square
⬛ black square
👍 thumbs up
👀 eyes
💋 lips, kiss
`
  .trim()
  .split('\n')
  .map((l) => {
    const i = l.indexOf(' ');
    return {
      emoji: l.slice(0, i),
      names: l
        .slice(i + 1)
        .split(',')
        .map((s) => s.trim()),
    };
  });
