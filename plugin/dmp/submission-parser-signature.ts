/**
 * Whether a signature document is whole and signs these documents, with the certificate it carries itself. That says nothing
 * of who signed: the certificate is not judged, only told.
 *
 * @see IHE ITI TF-3 5.5 (DSG) · facts/poc.md 3.9
 */
import { X509Certificate } from 'node:crypto';
import { DrimboxError } from '../errors.ts';
import { type VerifiedDocumentSignature, verifyDocumentSignature } from './document-signature-verification.ts';
import { formatDistinguishedName } from './signing-identity.ts';
import { parseXml, rootElement } from './xml-document.ts';
import { onlySignature, readKeyInfoCertificate } from './xml-signature.ts';

const maxSignatureBytes = 1024 * 1024;

export interface SignatureIntegrity extends VerifiedDocumentSignature {
  /** Subject of the certificate in KeyInfo: who claims to have signed. */
  readonly signer: string;
}

const readCertificate = (source: Uint8Array): X509Certificate => {
  const code = 'dmp/signature-invalid';
  const base64 = readKeyInfoCertificate(
    onlySignature(rootElement(parseXml(source, code, { maxBytes: maxSignatureBytes }), code)),
  );
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'));
  } catch (cause) {
    throw new DrimboxError(code, { detail: 'no certificate in KeyInfo', cause });
  }
};

/**
 * @param documents  OID → raw bytes; every one must be in the manifest and match
 * @throws dmp/signature-invalid
 */
export const verifySignatureIntegrity = (
  source: Uint8Array,
  documents: ReadonlyMap<string, Uint8Array>,
): SignatureIntegrity => {
  const certificate = readCertificate(source);
  const verified = verifyDocumentSignature(source, documents, {
    kind: 'certificate',
    certificatePem: certificate.toString(),
  });
  return { ...verified, signer: formatDistinguishedName(certificate.subject, ', ') };
};
