/**
 * An answer of an OCSP responder, believed only when it is about our question, in time, and signed by the certificate's own
 * authority or by one to which that authority gave the right to answer.
 *
 * @see RFC 6960 §3.2, §4.2 · RFC 9654 (nonce)
 */
import { createHash, X509Certificate } from 'node:crypto';
import {
  BasicOCSPResponse,
  id_kp_OCSPSigning as ocspSigning,
  id_pkix_ocsp_basic as basicOid,
  id_pkix_ocsp_nonce as nonceOid,
  Nonce,
  OCSPResponse,
  OCSPResponseStatus,
  type ResponseData,
  type SingleResponse,
} from '@peculiar/asn1-ocsp';
import { AsnConvert } from '@peculiar/asn1-schema';
import { DrimboxError } from '../errors.ts';
import { isAcceptedSignature, isSignedWith } from './asn1-signature.ts';
import { KeyUsageFlags, mayUseKey, readCertificateFeatures, readCertificateFields } from './certificate-fields.ts';
import { DerTag } from './der-element.ts';
import { expectElement, openSequence } from './der-walk.ts';
import { certIdOf, type OcspQuestion } from './ocsp-request.ts';

/** What the responder says, and until when. */
export interface OcspAnswer {
  readonly kind: 'good' | 'revoked' | 'unknown';
  /** End of its validity; undefined: newer information is always to be had. */
  readonly nextUpdateUtcMs: number | undefined;
}

export interface OcspRules {
  readonly atUtcMs: number;
  /** Refuse an answer that does not repeat our nonce. One that repeats another is always refused. */
  readonly isNonceRequired: boolean;
  /** How old an answer without an end may be, ms. */
  readonly maxAgeMs: number;
}

/** Clocks differ a little. */
const skewMs = 5 * 60_000;
const certificatesTag = DerTag.explicit0;

const refused = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('trust/ocsp-refused', { detail, ...(cause === undefined ? {} : { cause }) });

const isEqual = (one: ArrayBuffer | Uint8Array, other: Uint8Array): boolean =>
  Buffer.compare(one instanceof Uint8Array ? one : new Uint8Array(one), other) === 0;

const parseBasic = (bytes: Uint8Array): { readonly der: Uint8Array; readonly basic: BasicOCSPResponse } => {
  const response = AsnConvert.parse(bytes, OCSPResponse);
  if (response.responseStatus !== OCSPResponseStatus.successful) {
    throw new DrimboxError('trust/revocation-unreachable', { detail: `OCSP status ${response.responseStatus}` });
  }
  if (response.responseBytes?.responseType !== basicOid) throw refused('not a basic answer');
  const der = new Uint8Array(response.responseBytes.response.buffer);
  return { der, basic: AsnConvert.parse(der, BasicOCSPResponse) };
};

/** From the bytes: a certificate that is parsed and written again is perhaps another. */
const readCertificates = (der: Uint8Array): readonly X509Certificate[] => {
  const list = openSequence(der).find(({ tag }) => tag === certificatesTag);
  if (list === undefined) return [];
  return openSequence(list.content).map(({ whole }) => new X509Certificate(whole));
};

const isResponder = (certificate: X509Certificate, { responderID }: ResponseData): boolean => {
  const { subjectName, publicKeyBits } = readCertificateFields(certificate);
  if (responderID.byKey !== undefined) {
    return isEqual(responderID.byKey.buffer, createHash('sha1').update(publicKeyBits).digest());
  }
  return responderID.byName !== undefined && isEqual(AsnConvert.serialize(responderID.byName), subjectName);
};

/** Delegation: issued by the authority itself, for answering, valid now. */
const mayAnswerFor = (responder: X509Certificate, authority: X509Certificate, atUtcMs: number): boolean => {
  const features = readCertificateFeatures(responder);
  return (
    responder.checkIssued(authority) &&
    responder.verify(authority.publicKey) &&
    isAcceptedSignature(features.signatureAlgorithm) &&
    features.unknownExtension === undefined &&
    (features.purposes ?? []).includes(ocspSigning) &&
    mayUseKey(features, KeyUsageFlags.digitalSignature) &&
    responder.validFromDate.getTime() <= atUtcMs &&
    atUtcMs <= responder.validToDate.getTime()
  );
};

const checkSigner = (der: Uint8Array, basic: BasicOCSPResponse, authority: X509Certificate, atUtcMs: number): void => {
  const candidates = [authority, ...readCertificates(der)].filter((one) => isResponder(one, basic.tbsResponseData));
  const responder = candidates.find((one) => isEqual(one.raw, authority.raw) || mayAnswerFor(one, authority, atUtcMs));
  if (responder === undefined) throw refused('answered by somebody to whom the authority gave no right');
  const signed = expectElement(openSequence(der)[0], DerTag.sequence).whole;
  const signature = { algorithm: basic.signatureAlgorithm.algorithm, value: new Uint8Array(basic.signature) };
  if (!isSignedWith(responder.publicKey, signed, signature)) throw refused('the signature does not match');
};

const checkNonce = (answer: ResponseData, nonce: Uint8Array | undefined, isRequired: boolean): void => {
  const extension = (answer.responseExtensions ?? []).find(({ extnID }) => extnID === nonceOid);
  if (extension === undefined) {
    if (isRequired) throw refused('the answer does not repeat our nonce');
    return;
  }
  const repeated = AsnConvert.parse(extension.extnValue.buffer, Nonce);
  if (nonce === undefined || !isEqual(repeated.buffer, nonce)) throw refused('the answer is to another question');
};

const isAbout = ({ certID }: SingleResponse, question: OcspQuestion): boolean => {
  const id = certIdOf(question);
  return (
    certID.hashAlgorithm.algorithm === '1.3.14.3.2.26' &&
    isEqual(certID.issuerNameHash.buffer, id.issuerNameHash) &&
    isEqual(certID.issuerKeyHash.buffer, id.issuerKeyHash) &&
    isEqual(certID.serialNumber, id.serialNumber)
  );
};

const checkTime = ({ thisUpdate, nextUpdate }: SingleResponse, { atUtcMs, maxAgeMs }: OcspRules): void => {
  if (thisUpdate.getTime() > atUtcMs + skewMs) throw refused('an answer of the future');
  const end = nextUpdate?.getTime() ?? thisUpdate.getTime() + maxAgeMs;
  if (atUtcMs > end + skewMs) throw refused('the answer has ended');
};

const hasUnknownExtension = (extensions: readonly { readonly critical: boolean }[] | undefined): boolean =>
  (extensions ?? []).some(({ critical }) => critical);

/** The status of one certificate, read where the library leaves the choice. */
const statusOf = ({ certStatus }: SingleResponse): OcspAnswer['kind'] => {
  if (certStatus.revoked !== undefined) return 'revoked';
  return certStatus.good === undefined ? 'unknown' : 'good';
};

/**
 * @param bytes  DER of an OCSPResponse
 * @throws trust/ocsp-refused — malformed, about another certificate or question, not in time, not signed by who may;
 *         trust/revocation-unreachable — the responder says that it cannot answer
 */
export const checkOcspResponse = (bytes: Uint8Array, question: OcspQuestion, rules: OcspRules): OcspAnswer => {
  try {
    const { der, basic } = parseBasic(bytes);
    checkSigner(der, basic, question.authority, rules.atUtcMs);
    const answer = basic.tbsResponseData;
    checkNonce(answer, question.nonce, rules.isNonceRequired);
    const about = answer.responses.filter((one) => isAbout(one, question));
    const [single] = about;
    if (single === undefined || about.length > 1) throw refused('not one answer about this certificate');
    if (hasUnknownExtension(answer.responseExtensions) || hasUnknownExtension(single.singleExtensions)) {
      throw refused('critical extension not understood');
    }
    checkTime(single, rules);
    return { kind: statusOf(single), nextUpdateUtcMs: single.nextUpdate?.getTime() };
  } catch (cause) {
    if (cause instanceof DrimboxError && /^trust\/(ocsp|revocation)-/.test(cause.code)) throw cause;
    throw refused('not an answer of OCSP', cause);
  }
};
