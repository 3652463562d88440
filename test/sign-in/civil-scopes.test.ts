/** What is asked of FranceConnect+ is compared with what the identity match needs (decision E7). */
import { expect, test } from 'vitest';
import { franceConnectOptions, lackingTraits } from '../../plugin/sign-in/index.ts';

const lists = 'first given name';
test.each([
  ['openid rnipp_identite_pivot identite_pivot', []],
  ['openid rnipp_identite_pivot', []],
  ['openid rnipp_profile rnipp_birth', []],
  ['openid rnipp_profile birth', []],
  ['openid rnipp_given_name family_name birthdate gender birthplace', []],
  // What the identity provider writes: all given names in one text (E7: an undecidable boundary denies).
  ['openid identite_pivot', [lists]],
  ['openid profile birth', [lists]],
  ['openid identite_pivot given_name_array', [lists]],
  ['openid identite_pivot rnipp_given_name_array', [lists]],
  ['openid rnipp_profile', ['birth place']],
  ['openid rnipp_birth', ['birth name', 'given names', lists, 'birth date', 'sex']],
  ['openid email', ['birth name', 'given names', lists, 'birth date', 'sex', 'birth place']],
])('%s lacks %j', (scope, lacking) => expect(lackingTraits(scope)).toEqual(lacking));

test('the parameter `claims` may ask for what the scopes do not', () => {
  const claims = '{"id_token":{"amr":{"essential":true}},"userinfo":{"rnipp_given_name_array":null}}';
  expect(lackingTraits('openid identite_pivot', claims)).toEqual([]);
  expect(lackingTraits('openid identite_pivot', '{"id_token":{"rnipp_given_name_array":null}}')).toEqual([lists]);
  expect(lackingTraits('openid identite_pivot', '{"userinfo":7}')).toEqual([lists]);
});

test('nothing lacks where the configuration says nothing', () => {
  const { scope } = franceConnectOptions.parse({
    environment: 'integration',
    clients: [{ hosts: ['vi1.exemple'], clientId: 'exemple', clientSecretFile: '/etc/exemple' }],
    encryptionKeyFiles: ['/etc/exemple.pem'],
  });
  expect(lackingTraits(scope)).toEqual([]);
});
