/** Whole requests of a source, each layer open to alteration: what the tests of the stand-in send. */
import type { Agent } from 'node:https';
import type { StructureCredentials } from '../ca/make-ca.ts';
import type { Credential } from '../ca/openssl-authority.ts';
import type { SubmissionFacts } from './example-facts.ts';
import { buildExampleKos, type KosChanges } from './kos-builder.ts';
import { buildDeletion, buildExistenceTest, buildGetDocuments, buildProvideAndRegister } from './metadata-builder.ts';
import { buildDocumentSignature } from './signature-builder.ts';
import { type Answer, buildEnvelope, buildRelatedBody, plainType, post, relatedType } from './soap-client.ts';
import { buildVihf, type SignatureHash, signVihf } from './vihf-builder.ts';

type Change = (text: string) => string;

/** Where a test puts its hand. Changes `before` signing leave the signature valid. */
export interface Alterations {
  readonly vihfBefore?: Change;
  readonly vihfAfter?: Change;
  readonly vihfSign?: Credential;
  readonly vihfHash?: SignatureHash;
  readonly kos?: KosChanges;
  /** The KOS as sent, signed and hashed. */
  readonly kosBytes?: (kos: Buffer) => Buffer;
  readonly signatureBefore?: Change;
  readonly signatureAfter?: Change;
  readonly documentSign?: Credential;
  /** The Body content. */
  readonly content?: Change;
  readonly envelope?: Change;
  readonly contentType?: Change;
  /** The KOS part only, after hash and signature were made. */
  readonly sentKos?: (kos: Buffer) => Buffer;
  readonly body?: (body: Buffer) => Buffer;
}

const keep: Change = (text) => text;

export interface TestTarget {
  readonly baseUrl: string;
  readonly agent: Agent;
  readonly credentials: StructureCredentials;
}

const signedVihf = (facts: SubmissionFacts, target: TestTarget, alter: Alterations): string => {
  const sign = alter.vihfSign ?? target.credentials.sign;
  const vihf = (alter.vihfBefore ?? keep)(buildVihf(facts, sign));
  return (alter.vihfAfter ?? keep)(signVihf(vihf, sign, alter.vihfHash));
};

export interface BuiltRequest {
  readonly contentType: string;
  readonly body: Buffer;
  readonly kos: Buffer;
  readonly signature: string;
}

export const buildSubmissionRequest = (
  facts: SubmissionFacts,
  target: TestTarget,
  alter: Alterations = {},
): BuiltRequest => {
  const kos = (alter.kosBytes ?? ((bytes) => bytes))(buildExampleKos(facts, alter.kos));
  const sign = alter.documentSign ?? target.credentials.sign;
  const signature = (alter.signatureAfter ?? keep)(buildDocumentSignature(facts, kos, sign, alter.signatureBefore));
  const content = (alter.content ?? keep)(buildProvideAndRegister(facts, kos, Buffer.from(signature)));
  const action = 'urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b';
  const envelope = buildEnvelope(action, `${target.baseUrl}/repository`, signedVihf(facts, target, alter), content);
  const sentKos = (alter.sentKos ?? ((bytes) => bytes))(kos);
  const body = buildRelatedBody((alter.envelope ?? keep)(envelope), sentKos, Buffer.from(signature));
  return {
    contentType: (alter.contentType ?? keep)(relatedType),
    body: (alter.body ?? ((bytes) => bytes))(body),
    kos,
    signature,
  };
};

export const submit = (facts: SubmissionFacts, target: TestTarget, alter: Alterations = {}): Promise<Answer> => {
  const { contentType, body } = buildSubmissionRequest(facts, target, alter);
  return post(`${target.baseUrl}/repository`, target.agent, contentType, body);
};

const callPlain = (
  service: 'registry' | 'patients',
  action: string,
  content: string,
  facts: SubmissionFacts,
  target: TestTarget,
  alter: Alterations,
): Promise<Answer> => {
  const url = `${target.baseUrl}/${service}`;
  const envelope = buildEnvelope(action, url, signedVihf(facts, target, alter), (alter.content ?? keep)(content));
  const body = Buffer.from((alter.envelope ?? keep)(envelope));
  return post(url, target.agent, (alter.contentType ?? keep)(plainType), body);
};

export const getDocuments = (
  uniqueId: string,
  facts: SubmissionFacts,
  target: TestTarget,
  alter: Alterations = {},
): Promise<Answer> =>
  callPlain('registry', 'urn:ihe:iti:2007:RegistryStoredQuery', buildGetDocuments(uniqueId), facts, target, alter);

export const deleteEntry = (
  entryUuid: string,
  facts: SubmissionFacts,
  target: TestTarget,
  alter: Alterations = {},
): Promise<Answer> =>
  callPlain('registry', 'urn:ihe:iti:2010:UpdateDocumentSet', buildDeletion(facts, entryUuid), facts, target, alter);

export const testExistence = (facts: SubmissionFacts, target: TestTarget, alter: Alterations = {}): Promise<Answer> =>
  callPlain('patients', 'urn:hl7-org:v3:PRPA_IN201307UV02', buildExistenceTest(facts), facts, target, alter);
