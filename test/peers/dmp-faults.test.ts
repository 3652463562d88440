import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { getDocuments, submit } from './dmp-client/dmp-test-client.ts';
import { openTestSetting, type TestSetting } from './dmp-client/test-setting.ts';

let setting: TestSetting;
beforeAll(async () => {
  setting = await openTestSetting();
}, 60_000);
afterEach(() => setting.standIn.clear());
afterAll(() => setting.close());

const has = (uniqueId: string): boolean => setting.standIn.entries().some((entry) => entry.uniqueId === uniqueId);

describe('DMP stand-in: failures on order', () => {
  it('goes down: connections are refused, then it listens on the same port and nothing was stored', async () => {
    const { port } = setting.standIn;
    const facts = setting.newFacts();
    await setting.standIn.order({ kind: 'down' });
    await expect(submit(facts, setting.target)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(has(facts.kosUniqueId)).toBe(false);
    await setting.standIn.clear();
    expect(setting.standIn.port).toBe(port);
    expect((await submit(facts, setting.target)).text).toContain('ResponseStatusType:Success');
  });

  it('loses its answer after acceptance: the client sees a cut, the document is there to be asked for', async () => {
    const facts = setting.newFacts();
    await setting.standIn.order({ kind: 'lost-answer' }, { times: 1 });
    await expect(submit(facts, setting.target)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(has(facts.kosUniqueId)).toBe(true);
    expect(setting.lastLine()).toMatchObject({ outcome: 'accepted', httpStatus: 0, fault: 'lost-answer' });
    expect((await getDocuments(facts.kosUniqueId, facts, setting.target)).text).toContain('totalResultCount="1"');
  });

  it('does not lose an answer that says no: only what was accepted is ambiguous', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    await setting.standIn.order({ kind: 'lost-answer' }, { times: 1 });
    expect((await submit(facts, setting.target)).text).toContain('XDSDuplicateUniqueIdInRegistry');
  });

  it('cuts the connection in the middle of the body: nothing is stored', async () => {
    const facts = setting.newFacts();
    await setting.standIn.order({ kind: 'reset-mid-body' }, { times: 1 });
    await expect(submit(facts, setting.target)).rejects.toThrow();
    expect(has(facts.kosUniqueId)).toBe(false);
    await expect.poll(() => setting.lastLine()).toMatchObject({ outcome: 'failed', fault: 'reset-mid-body' });
    expect((await submit(facts, setting.target)).text).toContain('ResponseStatusType:Success');
  });

  it.each([503, 500])('answers HTTP %i and stores nothing', async (status) => {
    const facts = setting.newFacts();
    await setting.standIn.order({ kind: 'http', status }, { times: 1 });
    expect((await submit(facts, setting.target)).status).toBe(status);
    expect(has(facts.kosUniqueId)).toBe(false);
  });

  it('answers an ordered registry error, for submissions and for queries each in their form', async () => {
    const facts = setting.newFacts();
    await setting.standIn.order(
      { kind: 'registry-error', errorCode: 'XDSRegistryNotAvailable', codeContext: 'a < b' },
      { times: 2 },
    );
    const submitted = await submit(facts, setting.target);
    expect(submitted.text).toContain('<rs:RegistryResponse');
    expect(submitted.text).toContain('codeContext="a &lt; b" errorCode="XDSRegistryNotAvailable"');
    const asked = await getDocuments(facts.kosUniqueId, facts, setting.target);
    expect(asked.text).toContain('<query:AdhocQueryResponse');
    expect(asked.text).toContain('errorCode="XDSRegistryNotAvailable"');
    expect(has(facts.kosUniqueId)).toBe(false);
  });

  it('answers an ordered SOAP Fault', async () => {
    await setting.standIn.order(
      { kind: 'soap-fault', subcode: 'DMPInvalidCertificate', reason: 'PS et Structure non liés' },
      { times: 1 },
    );
    const answer = await submit(setting.newFacts(), setting.target);
    expect(answer.status).toBe(500);
    expect(answer.text).toContain('<soap:Subcode><soap:Value>soap:DMPInvalidCertificate</soap:Value></soap:Subcode>');
    expect(answer.text).toContain('PS et Structure non liés');
  });

  it('answers garbage after acceptance', async () => {
    const facts = setting.newFacts();
    await setting.standIn.order({ kind: 'garbage-answer' }, { times: 1 });
    const answer = await submit(facts, setting.target);
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('RegistryResponse');
    expect(has(facts.kosUniqueId)).toBe(true);
  });

  it('takes a part only: PartialSuccess with the KOS kept and the signature not', async () => {
    const facts = setting.newFacts();
    await setting.standIn.order({ kind: 'partial-success' }, { times: 1 });
    const answer = await submit(facts, setting.target);
    expect(answer.text).toContain('ResponseStatusType:PartialSuccess');
    expect([has(facts.kosUniqueId), has(facts.signatureUniqueId)]).toEqual([true, false]);
  });

  it('is slow: the document is stored before the late answer', async () => {
    const facts = setting.newFacts();
    await setting.standIn.order({ kind: 'slow', delayMs: 300 }, { times: 1 });
    const startedMs = performance.now();
    const sent = submit(facts, setting.target);
    await expect.poll(() => has(facts.kosUniqueId)).toBe(true);
    expect((await sent).text).toContain('ResponseStatusType:Success');
    expect(performance.now() - startedMs).toBeGreaterThan(290);
  });

  it('meets only the ordered transaction, the ordered number of times', async () => {
    const facts = setting.newFacts();
    await setting.standIn.order({ kind: 'http', status: 503 }, { times: 2, transaction: 'storedQuery' });
    expect((await submit(facts, setting.target)).status).toBe(200);
    const statuses = [];
    for (let turn = 0; turn < 3; turn += 1)
      statuses.push((await getDocuments(facts.kosUniqueId, facts, setting.target)).status);
    expect(statuses).toEqual([503, 503, 200]);
  });

  it('takes many submissions at once, each one time', async () => {
    const all = Array.from({ length: 40 }, () => setting.newFacts());
    const twice = await Promise.all([...all, ...all].map((facts) => submit(facts, setting.target)));
    expect(twice.filter(({ text }) => text.includes('ResponseStatusType:Success'))).toHaveLength(40);
    const stored = setting.standIn.entries().map(({ uniqueId }) => uniqueId);
    expect(all.every(({ kosUniqueId }) => stored.filter((uniqueId) => uniqueId === kosUniqueId).length === 1)).toBe(
      true,
    );
  });
});
