import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeOnnx } from '../graphs/encode-onnx.ts';
import { GraphBuilder, MICROSOFT_DOMAIN } from '../graphs/graph-builder.ts';

/** ONNX's `TensorProto.DataType`. */
const INT8 = 3;
const [ROWS, DEPTH, COLUMNS] = [16, 64, 32];

/**
 * Whether the processor adds products of uint8 and int8 up in 32 bits. Those without VNNI add pairs of them in 16, where the largest
 * do not fit. onnxruntime can be asked for exact sums there; elsewhere asking for them only makes them slower.
 */
export async function addsInt8Exactly(): Promise<boolean> {
  const g = new GraphBuilder('int8_sums');
  const x = g.input('x', 'float32', [ROWS, DEPTH]);
  // From 0 to 255, so that its scale is 1.
  const [values, scale, zero] = g.nodes('DynamicQuantizeLinear', [x], 3);
  const weights = g.constant('weights', new Float32Array(DEPTH * COLUMNS).fill(127), [DEPTH, COLUMNS]);
  const quantized = g.node('Cast', [weights], { to: INT8 });
  const one = g.constant('one', Float32Array.of(1));
  const sums = g.node('MatMulIntegerToFloat', [values, quantized, scale, one, zero], {}, MICROSOFT_DOMAIN);
  g.output(sums, 'sums', 'float32', [ROWS, COLUMNS]);
  const session = await InferenceSession.create(encodeOnnx(g.build(), ''), {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const row = new Float32Array(DEPTH).fill(255);
  row[0] = 0;
  const data = Float32Array.from({ length: ROWS * DEPTH }, (_, i) => row[i % DEPTH] as number);
  const results = await session.run({ x: new Tensor('float32', data, [ROWS, DEPTH]) }, ['sums']);
  await session.release();
  const computed = (results.sums as Tensor).data as Float32Array;
  return computed.every((sum) => sum === (DEPTH - 1) * 255 * 127);
}
