/**
 * Validation against the DMP's own XSD, where they are at hand (`../shared/schemas/dmp`). Loaded once, used in process.
 *
 * @see decision C9 (xop:Include is inlined as base64 first) · facts/toolchain.md §6
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { xmlRegisterFsInputProviders } from 'libxml2-wasm/lib/nodejs.mjs';
import type { Transaction } from './transactions.ts';
import { attributeOf, descendantsNamed, namespaces, type XmlNode } from './xml-tree.ts';

const schemaFiles: Readonly<Record<Transaction, string>> = {
  provideAndRegister: 'IHE/XDS.b_DocumentRepository.xsd',
  storedQuery: 'ebRS/query.xsd',
  updateDocumentSet: 'ebRS/lcm.xsd',
  existenceTest: 'HL7V3/NE2009/multicacheschemas/PRPA_IN201307UV02.xsd',
};

export interface SchemaCheck {
  readonly isAvailable: boolean;
  /** @returns the first violation, or undefined. Changes the libxml2 document: each `xop:Include` becomes its bytes in base64. */
  readonly validate: (
    transaction: Transaction,
    content: XmlNode,
    parts: ReadonlyMap<string, Buffer>,
  ) => string | undefined;
}

const inline = (content: XmlNode, parts: ReadonlyMap<string, Buffer>): void => {
  for (const holder of descendantsNamed(content, namespaces.xdsB, 'Document')) {
    for (const include of holder.children) {
      if (include.namespace !== namespaces.xop) continue;
      const bytes = parts.get(decodeURIComponent(attributeOf(include, 'href').replace(/^cid:/, '')));
      holder.source.addText(bytes?.toString('base64') ?? '');
      include.source.remove();
    }
  }
};

/** @param folder  holds `IHE`, `ebRS`, `HL7V3`; absent or missing on disk: nothing is validated */
export const createSchemaCheck = (folder: string | undefined): SchemaCheck => {
  if (folder === undefined || !existsSync(folder)) return { isAvailable: false, validate: () => undefined };
  xmlRegisterFsInputProviders();
  const validators = new Map<Transaction, XsdValidator>();
  const validatorOf = (transaction: Transaction): XsdValidator => {
    const known = validators.get(transaction);
    if (known !== undefined) return known;
    const file = join(folder, schemaFiles[transaction]);
    const document = XmlDocument.fromBuffer(readFileSync(file), { url: file });
    const validator = XsdValidator.fromDoc(document);
    document.dispose();
    validators.set(transaction, validator);
    return validator;
  };
  return {
    isAvailable: true,
    validate: (transaction, content, parts) => {
      inline(content, parts);
      const validator = validatorOf(transaction);
      try {
        validator.validate(content.source);
        return undefined;
      } catch (error) {
        // Some reports cite the offending value: only its first line, without text content
        return error instanceof Error ? (error.message.split('\n')[0] ?? 'invalid') : 'invalid';
      }
    },
  };
};
