import { invalidField } from '../compat-input.ts';
import type { Body } from '../read-body.ts';

/** A number, which may have come as a text. @throws FunctionError `invalid_input` */
export const readNumber = (body: Body, name: string): number | undefined => {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && !Number.isNaN(number)) return number;
  throw invalidField(name, `${name} must be a number`);
};

/** @throws FunctionError `invalid_input` */
export const readText = (body: Body, name: string): string | undefined => {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw invalidField(name, `${name} must be a text`);
};

/** True, 1 and their kin. */
export const readFlag = (body: Body, name: string): boolean | undefined => {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  return value === true || value === 1 || value === 'true';
};

/** A number that stands for "none" where it is not above zero: -1 for seeds, 0 for steps. */
export const readPositive = (body: Body, name: string): number | undefined => {
  const number = readNumber(body, name);
  return number !== undefined && number > 0 ? number : undefined;
};

/** One of a list, by its place in it. @throws FunctionError `invalid_input` */
export const readChoice = <Choice>(body: Body, name: string, choices: readonly Choice[]): Choice | undefined => {
  const index = readNumber(body, name);
  if (index === undefined) return undefined;
  const choice = choices[index];
  if (choice !== undefined) return choice;
  throw invalidField(name, `${name} must be a whole number from 0 to ${choices.length - 1}`);
};
