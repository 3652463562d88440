/** What this stand-in uses of oidc-provider 9, which comes without types. */
declare module 'oidc-provider' {
  import type { KeyObject } from 'node:crypto';
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface StoredToken {
    readonly jti: string;
    readonly accountId: string;
    readonly clientId: string;
    readonly grantId?: string;
    readonly scope?: string;
    readonly acr?: string;
    readonly sessionUid?: string;
    readonly iat?: number;
    readonly exp?: number;
    readonly extra?: Readonly<Record<string, unknown>>;
    save(): Promise<string>;
    destroy(): Promise<void>;
  }
  export interface TokenModel {
    new (fields: Readonly<Record<string, unknown>>): StoredToken;
    find(value: string): Promise<StoredToken | undefined>;
  }
  export interface StoredGrant {
    readonly jti: string;
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
  }
  export interface GrantModel {
    new (fields: Readonly<Record<string, unknown>>): StoredGrant;
    find(id: string): Promise<StoredGrant | undefined>;
  }
  export interface EncryptionKey {
    readonly kid?: string;
  }
  export interface StoredClient {
    readonly clientId: string;
    readonly clientSecret?: string;
    readonly idTokenEncryptedResponseAlg?: string;
    readonly userinfoEncryptedResponseAlg?: string;
    readonly asymmetricKeyStore: {
      refresh(): Promise<void>;
      selectForEncrypt(wanted: { readonly alg: string; readonly use: 'enc' }): readonly EncryptionKey[];
      getKeyObject(key: EncryptionKey, isPublic: true): KeyObject;
    };
  }
  /** A token before it is signed. */
  export interface IdTokenDraft {
    readonly client: StoredClient;
    payload(): Promise<Readonly<Record<string, unknown>>>;
    issue: (this: IdTokenDraft, options: { readonly use: string }) => Promise<string>;
  }
  export interface ProviderContext {
    readonly req: IncomingMessage;
    readonly path: string;
    readonly method: string;
    status: number;
    type: string;
    body: unknown;
    readonly oidc?: {
      readonly route?: string;
      readonly client?: StoredClient;
      readonly params?: Readonly<Record<string, unknown>>;
      readonly session?: { grantIdFor(clientId: string): string | undefined; readonly accountId?: string };
      readonly entities: { readonly AccessToken?: StoredToken; readonly RefreshToken?: StoredToken };
      readonly result?: { readonly consent?: { readonly grantId?: string } };
    };
  }
  export class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    readonly issuer: string;
    readonly AccessToken: TokenModel;
    readonly RefreshToken: TokenModel;
    readonly Grant: GrantModel;
    readonly IdToken: { readonly prototype: IdTokenDraft };
    readonly Client: { find(clientId: string): Promise<StoredClient | undefined> };
    proxy: boolean;
    use(middleware: (ctx: ProviderContext, next: () => Promise<void>) => Promise<void>): void;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    on(event: string, listener: (...args: unknown[]) => void): void;
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<{ readonly uid: string; readonly params: Readonly<Record<string, unknown>> }>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: Readonly<Record<string, unknown>>,
    ): Promise<void>;
    backchannelResult(
      request: unknown,
      result: StoredGrant | Error,
      options?: Readonly<Record<string, unknown>>,
    ): Promise<void>;
  }
  export const errors: { readonly InvalidBindingMessage: new (description: string) => Error };
}
