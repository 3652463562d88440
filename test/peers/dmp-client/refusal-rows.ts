/** Tables of broken requests: what each puts wrong, the one rule that must fire, what the answer must say. */
import { expect } from 'vitest';
import type { TestCa } from '../ca/make-ca.ts';
import { type Alterations, submit } from './dmp-test-client.ts';
import { inObject, replacing, type TestSetting } from './test-setting.ts';

/** What is broken; the rules that must fire, and no other; what the answer must say ['' = any refusal]. */
export type RefusalRow = readonly [
  broken: string,
  rules: string,
  answer: string,
  alter: Alterations | ((ca: TestCa) => Alterations),
];

export const vihf = (from: string | RegExp, to: string): Alterations => ({ vihfBefore: replacing(from, to) });
export const content = (from: string | RegExp, to: string): Alterations => ({ content: replacing(from, to) });
export const kosEntry = (from: string | RegExp, to: string): Alterations => ({
  content: inObject('DocumentKOS', replacing(from, to)),
});
export const signatureEntry = (from: string | RegExp, to: string): Alterations => ({
  content: inObject('Signature01', replacing(from, to)),
});
export const set = (from: string | RegExp, to: string): Alterations => ({
  content: inObject('SubmissionSet01', replacing(from, to)),
});
export const attribute = (name: string): RegExp => new RegExp(`<saml2:Attribute Name="${name}">.*?</saml2:Attribute>`);
export const slot = (name: string): RegExp => new RegExp(`<Slot name="${name}">.*?</Slot>`);
export const classification = (scheme: string): RegExp =>
  new RegExp(`<Classification classificationScheme="urn:uuid:${scheme}.*?</Classification>`);
export const future = '20991231235959';
export const tomorrow = (): string => new Date(Date.now() + 86_400_000).toISOString();

/** Sends the broken request and expects exactly its rules in the log, a refusal on the wire and nothing stored. */
export const expectRefusal = async (setting: TestSetting, [, rules, text, alter]: RefusalRow): Promise<void> => {
  const before = setting.standIn.entries().length;
  const alterations = typeof alter === 'function' ? alter(setting.ca) : alter;
  const answer = await submit(setting.newFacts(), setting.target, alterations);
  expect([...new Set(setting.lastLine().rules)]).toEqual(rules.split(' '));
  expect(answer.text).toContain(text);
  if (answer.status === 200) expect(answer.text).toMatch(/ResponseStatusType:Failure".*errorCode="(XDS|DMP)/s);
  else expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(setting.standIn.entries()).toHaveLength(before);
};
