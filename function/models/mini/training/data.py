"""Sprites (rendered icons) -> scenes, their pictures, and captions that say exactly what is drawn."""

import hashlib
import json
import os
from typing import NamedTuple

import numpy as np
from PIL import Image

STYLES = ("glossy", "flat", "noto")
DEFAULT_STYLE = "glossy"
STYLE_WORDS = {
    "glossy": ("3d style", "glossy style"),
    "flat": ("flat style",),
    "noto": ("cartoon style", "noto style"),
}
COLOURS = {
    "white": (255, 255, 255), "black": (24, 24, 27), "gray": (150, 152, 156), "red": (214, 48, 49),
    "orange": (243, 146, 45), "yellow": (250, 214, 72), "green": (70, 165, 84), "blue": (58, 118, 214),
    "light blue": (158, 211, 246), "purple": (134, 78, 186), "pink": (246, 164, 194), "brown": (128, 84, 52),
}  # fmt: skip
BACKGROUNDS = [colour for colour in COLOURS if colour != "white"]
PLACEMENTS = (("small", ""), ("big", ""), ("small", "left"), ("small", "right"))

# Rendered, and shown to the autoencoder, but left out of the vocabulary that a CPU can learn in hours.
EXTRA = set(
    """raccoon ram goat rhinoceros hippopotamus hamster sloth kangaroo swan peacock lizard tropical-fish blowfish
    spiral-shell lobster shrimp bug ant scorpion leaf-fluttering-in-wind bouquet mango coconut potato cucumber onion
    peanuts poultry-leg sandwich sushi spaghetti ice-cream shortcake honey-pot glass-of-milk violin trumpet
    artist-palette musical-keyboard telephone hourglass-done telescope magnet money-bag clown-face kiss-mark eyes tent
    desert-island green-book blue-book books socks jeans chipmunk water-wave shield stop-sign deer bat eagle crocodile
    dragon-face seedling four-leaf-clover pretzel taco candy police-car racing-car helicopter anchor train volcano
    cloud-with-rain tennis drum glasses headphone television candle envelope scissors hammer
    magnifying-glass-tilted-left bed door bathtub bucket sleeping-face face-with-open-mouth zebra two-hump-camel
    hedgehog bird flamingo parrot dolphin snail blueberries eggplant kiwi-fruit pancakes egg dress mobile-phone tractor
    lollipop popcorn bread koala wolf motorcycle ambulance""".split()
)


class Scene(NamedTuple):
    """One picture: an object, or two side by side. The caption says all but `mirrored`, `shift` and `grow`."""

    objects: tuple  # concept ids: one, or the left and the right one
    style: str = DEFAULT_STYLE
    background: str = "white"
    size: str = ""
    place: str = ""
    mirrored: bool = False
    shift: tuple = (0, 0)  # pixels to the right and down
    grow: int = 0  # pixels by which the object is larger than its size word says


class Sprites:
    """The rendered icons of a data folder. `whole`: the vocabulary is everything that was rendered."""

    def __init__(self, root, image_size=128, whole=False):
        self.root, self.image_size = root, image_size
        with open(os.path.join(root, "concepts.json")) as file:
            self.concepts = json.load(file)
        self.vocabulary = [c["id"] for c in self.concepts if whole or c["slug"] not in EXTRA]
        self.by_slug = {c["slug"]: c["id"] for c in self.concepts}
        self.scaled = {}
        unit = image_size / 128
        self.sizes = {"": round(104 * unit), "small": round(60 * unit), "big": round(128 * unit)}
        self.step = round(32 * unit)  # from the middle to the place of a small object: whole cells of the latents

    def rgba(self, concept, style, side):
        """uint8 [side, side, 4], colours premultiplied"""
        key = (concept, style, side)
        if key not in self.scaled:
            image = Image.open(os.path.join(self.root, "png", f"{concept}-{style}.png")).convert("RGBA")
            pixels = np.asarray(image).astype(np.float32)
            pixels[..., :3] *= pixels[..., 3:] / 255
            how = Image.BOX if side * 2 == image.width else Image.HAMMING
            channels = [np.asarray(Image.fromarray(pixels[..., i]).resize((side, side), how)) for i in range(4)]
            self.scaled[key] = np.stack(channels, -1).clip(0, 255).round().astype(np.uint8)
        return self.scaled[key]

    def paste(self, canvas, sprite, x, y):
        """Draws the sprite on the canvas in place, cut at the edges."""
        side, n = len(sprite), self.image_size
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + side, n), min(y + side, n)
        part = sprite[y0 - y : y1 - y, x0 - x : x1 - x].astype(np.float32)
        canvas[y0:y1, x0:x1] = canvas[y0:y1, x0:x1] * (1 - part[..., 3:] / 255) + part[..., :3]

    def canvas(self, rgb):
        return np.tile(np.float32(rgb), (self.image_size, self.image_size, 1))

    def picture(self, scene):
        """float32 [image_size, image_size, 3] in 0 to 255"""
        canvas = self.canvas(COLOURS[scene.background])
        pair = len(scene.objects) == 2
        for concept, place in zip(scene.objects, ("left", "right") if pair else (scene.place,)):
            side = self.sizes["small" if pair else scene.size] + scene.grow
            corner = (self.image_size - side) // 2
            sprite = self.rgba(concept, scene.style, side)
            x = corner + {"left": -self.step, "right": self.step}.get(place, 0) + scene.shift[0]
            self.paste(canvas, sprite[:, ::-1] if scene.mirrored else sprite, x, corner + scene.shift[1])
        return canvas


def to_tensor(picture):
    """[height, width, 3] in 0 to 255 -> [3, height, width] in -1 to 1"""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)) / 127.5 - 1


PLURAL = {
    "grapes", "cherries", "blueberries", "peanuts", "pancakes", "french fries", "fries", "leaves", "green leaves",
    "glasses", "sunglasses", "jeans", "socks", "headphones", "books", "scissors", "eyes", "lips",
}  # fmt: skip
BARE = {
    "cheese", "bread", "corn", "popcorn", "sushi", "spaghetti", "pasta", "soft ice cream", "ice cream", "broccoli",
    "honey", "milk", "coffee", "wine", "beer", "fire", "rain", "lightning", "earth", "saturn", "chocolate", "mount fuji",
    "candy", "poop", "thumbs up",
}  # fmt: skip


def article(words):
    if words in PLURAL or words in BARE:
        return words
    return ("an " if words[0] in "aeiou" and not words.startswith(("unic", "ufo", "euro")) else "a ") + words


def on_background(colour):
    return f"on {article(colour)} background"


def describe(rng, name, size):
    """'a small fox', or now and then without the article"""
    bare = name in PLURAL or name in BARE
    words = f"{size} {name}" if size else name
    noun = ("a " + words if not bare else words) if size else article(words)
    return noun, noun if rng.random() < 0.7 or bare and rng.random() < 0.5 else words


def caption(rng, names, scene, style_given):
    """A caption that says exactly what is drawn; defaults are left unsaid. `names`: one for each object."""
    nouns, texts = zip(*(describe(rng, name, scene.size) for name in names))
    text = " and ".join(texts)
    opening = rng.random()
    if opening < 0.33:
        kind = "picture" if opening < 0.2 else "drawing" if opening < 0.28 else "emoji"
        text = f"{article(kind)} of {' and '.join(nouns)}"
    if scene.place:
        text += f" on the {scene.place}"
    if scene.background != "white" or rng.random() < 0.1:
        colour = "grey" if scene.background == "gray" and rng.random() < 0.3 else scene.background
        text += f" {on_background(colour)}" if rng.random() < 0.8 else f", {colour} background"
    if style_given:
        words = STYLE_WORDS[scene.style]
        text += ", " + words[int(rng.integers(len(words)))]
    return text


class HeldOut:
    """
    Combinations that no version of the model was trained on: held-out.json. Drawn once at random: for each object a size or place on a
    coloured background that the first version's list of pictures did not have, and pairs, of which it had none.
    """

    def __init__(self, sprites, path=os.path.join(os.path.dirname(__file__), "held-out.json")):
        with open(path) as file:
            stored = json.load(file)
        self.placed = [
            Scene((sprites.by_slug[slug],), background=background, size=size, place=place)
            for slug, size, place, background in stored["placed"]
        ]
        self.pairs = [Scene((sprites.by_slug[left], sprites.by_slug[right])) for left, right in stored["pairs"]]
        self.keys = {self.key(scene) for scene in self.placed + self.pairs}

    @staticmethod
    def key(scene):
        """Style, mirroring and small shifts do not make another combination; nor does a pair's order or background."""
        if len(scene.objects) == 2:
            return tuple(sorted(scene.objects))
        return (scene.objects, scene.size, scene.place, scene.background)

    def __contains__(self, scene):
        return self.key(scene) in self.keys


def scenes(sprites, held_out, rng, pairs=5000):
    """What the UNet is trained on, each with the kind that decides how often it is drawn: [(kind, Scene)]."""
    out = []
    pick = lambda values, count: [values[i] for i in rng.choice(len(values), count, replace=False)]  # noqa: E731
    jitter = lambda: dict(  # noqa: E731
        mirrored=bool(rng.random() < 0.5), shift=(int(rng.integers(-1, 2)) * 8, int(rng.integers(-1, 2)) * 8), grow=int(rng.choice([-12, 0, 8]))
    )
    for concept in (sprites.concepts[i] for i in sprites.vocabulary):
        one = (concept["id"],)
        for style in concept["styles"]:
            default = style == DEFAULT_STYLE
            out.append(("plain", Scene(one, style)))
            out += [("background", Scene(one, style, colour)) for colour in (BACKGROUNDS if default else pick(BACKGROUNDS, 5))]
            out += [("varied", Scene(one, style, **jitter())) for _ in range(5 if default else 2)]
            out += [("varied", Scene(one, style, colour, **jitter())) for colour in pick(BACKGROUNDS, 5 if default else 2)]
            for size, place in PLACEMENTS:
                for colour in ["white", *pick(BACKGROUNDS, 4 if default else 1)]:
                    mirrored = bool(rng.random() < 0.3)
                    out.append(("placed", Scene(one, style, colour, size, place, mirrored)))
    for _ in range(pairs):
        left, right = pick(sprites.vocabulary, 2)
        colour = "white" if rng.random() < 0.6 else pick(BACKGROUNDS, 1)[0]
        out.append(("pair", Scene((left, right), background=colour, mirrored=bool(rng.random() < 0.2))))
    return [(kind, scene) for kind, scene in out if scene not in held_out]
