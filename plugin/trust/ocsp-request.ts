/**
 * The question "is this certificate revoked?" to an OCSP responder.
 *
 * @see RFC 6960 §4.1 · RFC 5019 §2.1.1 (certificates are named by SHA-1: a name, not a protection) · RFC 9654 (nonce)
 */
import { createHash, type X509Certificate } from 'node:crypto';
import { CertID, id_pkix_ocsp_nonce as nonceOid, Nonce, OCSPRequest, Request, TBSRequest } from '@peculiar/asn1-ocsp';
import { AsnConvert, AsnSerializer, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Extension } from '@peculiar/asn1-x509';
import { readCertificateFields } from './certificate-fields.ts';

const sha1Oid = '1.3.14.3.2.26';

/** What a question is about, so that an answer can be told from another's. */
export interface OcspQuestion {
  readonly certificate: X509Certificate;
  /** Its issuer. */
  readonly authority: X509Certificate;
  /** Drawn anew for each question; undefined: not sent. */
  readonly nonce: Uint8Array | undefined;
}

const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest();

/** How a certificate is named: hexadecimal hashes of its issuer's name and key, and its serial number. */
export const certIdOf = ({
  certificate,
  authority,
}: Pick<OcspQuestion, 'certificate' | 'authority'>): {
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
  readonly serialNumber: Buffer;
} => ({
  issuerNameHash: sha1(readCertificateFields(certificate).issuerName),
  issuerKeyHash: sha1(readCertificateFields(authority).publicKeyBits),
  serialNumber: Buffer.from(readCertificateFields(certificate).serialNumber, 'hex'),
});

const bufferOf = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

/** @returns DER of the OCSPRequest */
export const buildOcspRequest = (question: OcspQuestion): Uint8Array => {
  const id = certIdOf(question);
  const reqCert = new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: sha1Oid, parameters: null }),
    issuerNameHash: new OctetString(id.issuerNameHash),
    issuerKeyHash: new OctetString(id.issuerKeyHash),
    serialNumber: bufferOf(id.serialNumber),
  });
  const tbsRequest = new TBSRequest({ requestList: [new Request({ reqCert })] });
  if (question.nonce !== undefined) {
    const extnValue = new OctetString(AsnConvert.serialize(new Nonce(bufferOf(question.nonce))));
    tbsRequest.requestExtensions = [new Extension({ extnID: nonceOid, extnValue })];
  }
  return new Uint8Array(AsnSerializer.serialize(new OCSPRequest({ tbsRequest })));
};
