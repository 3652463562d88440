/**
 * The transactions of the stand-in, where they are called and who may.
 *
 * @see facts/identity.md 4.2 (rights matrix, column "Indirect"), 4.6 (actions)
 */
export const transactions = {
  provideAndRegister: {
    endpoint: 'repository',
    action: 'urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b',
    name: 'TD2.1',
  },
  storedQuery: { endpoint: 'registry', action: 'urn:ihe:iti:2007:RegistryStoredQuery', name: 'TD3.1' },
  updateDocumentSet: { endpoint: 'registry', action: 'urn:ihe:iti:2010:UpdateDocumentSet', name: 'TD3.3' },
  existenceTest: { endpoint: 'patients', action: 'urn:hl7-org:v3:PRPA_IN201307UV02', name: 'TD0.2' },
} as const;
export type Transaction = keyof typeof transactions;
export type Endpoint = (typeof transactions)[Transaction]['endpoint'];

/** `Action` of the answer, as the official samples carry it. */
export const answerActions: Readonly<Record<Transaction, string>> = {
  provideAndRegister: 'urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-bResponse',
  storedQuery: 'urn:ihe:iti:2007:RegistryStoredQueryResponse',
  updateDocumentSet: 'urn:ihe:iti:2010:UpdateDocumentSet-Response',
  existenceTest: 'urn:hl7-org:v3:PRPA_IN201308UV02',
};

export const servicesPath = '/si-dmp-server/v2/services';

/** @returns undefined for a path that is no endpoint */
export const endpointOf = (path: string): Endpoint | undefined => {
  const name = path.startsWith(`${servicesPath}/`) ? path.slice(servicesPath.length + 1) : '';
  return name === 'repository' || name === 'registry' || name === 'patients' ? name : undefined;
};

const transactionNames = Object.keys(transactions) as Transaction[];

export const transactionOf = (endpoint: Endpoint, action: string): Transaction | undefined =>
  transactionNames.find((name) => transactions[name].endpoint === endpoint && transactions[name].action === action);
