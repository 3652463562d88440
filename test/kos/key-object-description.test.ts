import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildDescription, parseDescription } from '../../plugin/kos/key-object-description.ts';

const series = (changes = {}) => ({
  seriesInstanceUid: '1.2.3',
  modality: 'CT',
  bodyPartExamined: 'CHEST',
  seriesDescription: 'Axial 1 mm',
  ...changes,
});
const described = (changes = {}) => ({
  studyDescription: 'Scanner',
  actDisplayName: 'Scanographie du thorax',
  series: [series()],
  ...changes,
});

/** How the national proof of concept finds the modality of each series (facts/poc.md §1.4). */
const splitModalities = (text: string): readonly string[] =>
  text
    .split('Série-')
    .slice(1)
    .map((part) => part.split(' : ')[1]!.split(' ')[0]!);

describe('the text that other DRIMboxes parse', () => {
  test('has one line for the study, one for the act, one per series, each ended by LF', () => {
    expect(
      buildDescription(described({ series: [series(), series({ seriesInstanceUid: '1.2.4', modality: 'MR' })] })),
    ).toBe(
      'Examen : Scanner\nActe = Scanographie du thorax\n' +
        'Série-1.2.3 : CT @ CHEST : Axial 1 mm\nSérie-1.2.4 : MR @ CHEST : Axial 1 mm\n',
    );
  });

  test('keeps every separator around nothing', () => {
    const empty = series({ modality: '', bodyPartExamined: '', seriesDescription: '' });
    expect(buildDescription({ studyDescription: '', actDisplayName: '', series: [empty] })).toBe(
      'Examen : \nActe = \nSérie-1.2.3 :  @  : \n',
    );
  });

  test('a label cannot pass for a line or a mark of another', () => {
    const text = buildDescription(
      described({
        studyDescription: 'A\nSérie-9.9 : XX @  : B',
        series: [series({ seriesDescription: 'Série-7 Acte = Y' })],
      }),
    );
    expect(splitModalities(text)).toEqual(['CT']);
    expect(text.match(/Acte =/g)).toHaveLength(1);
    expect(text.split('\n')).toHaveLength(4);
  });

  test('gives its modalities to the splitting readers, whatever the labels', () => {
    const label = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('Série-', ' : ', ' @ ', 'Acte = ', 'série-1 : X @'),
    );
    fc.assert(
      fc.property(label, label, label, (study, act, seriesLabel) => {
        const text = buildDescription({
          studyDescription: study,
          actDisplayName: act,
          series: [series({ seriesDescription: seriesLabel }), series({ modality: 'MR', seriesDescription: study })],
        });
        expect(splitModalities(text)).toEqual(['CT', 'MR']);
      }),
    );
  });
});

describe('reading the text back', () => {
  test('gives what was described', () => {
    const content = described({
      series: [series({ seriesDescription: 'A : B @ C' }), series({ bodyPartExamined: '' })],
    });
    expect(parseDescription(buildDescription(content))).toEqual(content);
  });

  test.each([
    ['an act as samples of 2023 write it', 'Acte =  : Abdomen\nSérie-1.2 : MR @  : T2\n', 'Abdomen', 'MR', 'T2'],
    ['CRLF, no accent, no body part', 'Acte = Abdomen\r\nSerie-1.2 : CT : Aorta 60%\r\n', 'Abdomen', 'CT', 'Aorta 60%'],
    ['an é read in the wrong character set', 'Acte = Abdomen\nSÃ©rie-1.2 : NM @ : E1\n', 'Abdomen', 'NM', 'E1'],
  ])('reads %s', (_, text, act, modality, description) => {
    expect(parseDescription(text)).toEqual({
      studyDescription: '',
      actDisplayName: act,
      series: [{ seriesInstanceUid: '1.2', modality, bodyPartExamined: '', seriesDescription: description }],
    });
  });

  test('passes over what it does not know', () => {
    expect(parseDescription('n’importe quoi\nExamen : X')).toEqual({
      studyDescription: 'X',
      actDisplayName: '',
      series: [],
    });
  });
});
