import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { buildKeyObject } from '../../plugin/orthanc/key-object.ts';
import { buildObjectIdentity } from '../../plugin/orthanc/object-identity.ts';
import { tagTree } from '../../plugin/orthanc/answers.ts';

const issuer = (oid: string, type = 'ISO') => [{ '0040,0032': oid, '0040,0033': type }];

describe('identity of a stored object (A4)', () => {
  it('reads every patient identifier with its authority: IPP and INS are compared with theirs', () => {
    const identity = buildObjectIdentity({
      '0010,0020': 'IPP-0001 ',
      '0010,0021': 'HOPITAL',
      '0010,0024': issuer('1.2.250.1.999999.1'),
      '0010,1000': 'ANCIEN-1\\ANCIEN-2',
      '0010,1002': [
        { '0010,0020': '199017512345657', '0010,0021': 'INS', '0010,0024': issuer('1.2.250.1.213.1.4.10') },
        { '0010,0021': 'without identifier' },
      ],
    });
    expect(identity).toMatchObject({
      patientId: 'IPP-0001',
      issuerOfPatientId: 'HOPITAL',
      issuerOfPatientIdOid: '1.2.250.1.999999.1',
      otherPatientIds: [
        { id: '199017512345657', issuer: 'INS', issuerOid: '1.2.250.1.213.1.4.10' },
        { id: 'ANCIEN-1', issuer: '', issuerOid: '' },
        { id: 'ANCIEN-2', issuer: '', issuerOid: '' },
      ],
    });
  });

  it('takes an authority for an OID only when its type is ISO or not said', () => {
    const oidOf = (type: string) =>
      buildObjectIdentity({ '0008,0051': issuer('1.2.250.1.999999.2', type) }).accessionIssuerOid;
    expect([oidOf('ISO'), oidOf(''), oidOf('DNS')]).toEqual(['1.2.250.1.999999.2', '1.2.250.1.999999.2', '']);
  });

  it("gives '' for a value that Orthanc left out or that is a sequence where text is due", () => {
    expect(buildObjectIdentity({ '0010,0020': null, '0010,0010': [] })).toMatchObject({
      patientId: '',
      patientName: '',
    });
  });
});

const keyObjectSelection = '1.2.840.10008.5.1.4.1.1.88.59';
const reference = (uid: string) => ({ '0008,1155': uid });

describe('key object (C3)', () => {
  it('gives the title and each reference once, of the content tree at any depth and of the evidence', () => {
    const keyObject = buildKeyObject({
      '0008,0016': keyObjectSelection,
      '0008,0018': '2.25.5',
      '0020,000d': '2.25.1',
      '0040,a043': [{ '0008,0100': '113001', '0008,0102': 'DCM' }],
      '0040,a730': [
        { '0008,1199': [reference('2.25.10')] },
        { '0040,a730': [{ '0008,1199': [reference('2.25.11')] }] },
      ],
      '0040,a375': [{ '0008,1115': [{ '0008,1199': [reference('2.25.11'), reference('2.25.12')] }] }],
    });
    expect(keyObject).toEqual({
      sopInstanceUid: '2.25.5',
      studyInstanceUid: '2.25.1',
      titleCode: '113001',
      references: ['2.25.10', '2.25.11', '2.25.12'],
    });
  });

  it('knows a title only of the DICOM scheme: the same digits elsewhere mean something else', () => {
    const title = [{ '0008,0100': '113001', '0008,0102': '99LOCAL' }];
    expect(buildKeyObject({ '0008,0016': keyObjectSelection, '0040,a043': title }).titleCode).toBe('');
  });

  it('refuses any other object', () => {
    expect(() => buildKeyObject({ '0008,0016': '1.2.840.10008.5.1.4.1.1.2' })).toThrow(
      expect.objectContaining({ code: 'orthanc/answer-invalid' }),
    );
  });

  it('never throws anything but ours, whatever tree comes', () => {
    const tag = fc.constantFrom(
      '0008,0016',
      '0040,a730',
      '0040,a375',
      '0008,1199',
      '0008,1115',
      '0008,1155',
      '0010,0020',
      '0010,1002',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.dictionary(
        tag,
        fc.oneof(
          fc.constantFrom(keyObjectSelection, '', '2.25.1'),
          fc.constant(null),
          fc.array(tie('tree'), { maxLength: 3 }),
        ),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const parsed = tagTree.parse(value);
        expect(buildObjectIdentity(parsed).otherPatientIds).toBeInstanceOf(Array);
        try {
          expect(buildKeyObject(parsed).references).toBeInstanceOf(Array);
        } catch (error) {
          expect(error).toBeInstanceOf(DrimboxError);
        }
      }),
    );
  });
});
