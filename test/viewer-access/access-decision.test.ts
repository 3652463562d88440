/** Link × archive × person, every cell. All values are invented; the INS has a test OID. */
import { describe, expect, test } from 'vitest';
import type { ServedManifest } from '../../plugin/archive/index.ts';
import {
  type AccessRefusal,
  checkGrant,
  decideAccess,
  findHiding,
  type StudyPatient,
} from '../../plugin/viewer-access/index.ts';
import {
  alex,
  camille,
  closed,
  decide,
  doctor,
  everybody,
  grant,
  link,
  manifestOf,
  otherStudy,
  patient,
  patientOf,
  portsOf,
  reportOf,
  restricted,
  root,
  series,
  served,
  study,
  studyOf,
  type Traits,
  type World,
} from './archive-facts.ts';

describe('a link that agrees with the archive in all four', () => {
  test.each(everybody)('opens its study to %s', async (_, viewer) => {
    expect(await decide({}, viewer)).toEqual({ kind: 'granted', studies: [grant()] });
  });

  test.each(everybody)(
    'of a superseded version opens the current one of the same patient to %s (E6)',
    async (_, viewer) => {
      const facts = { reports: [reportOf({ state: 'replaced' }), reportOf({ documentKey: `${root}.2^CR` })] };
      expect(await decide({ facts }, viewer)).toEqual({ kind: 'granted', studies: [grant()] });
    },
  );

  test('whose accession number the replacement corrected still opens: the printed version named it so', async () => {
    const replaced = reportOf({ state: 'replaced', orders: [{ accessionNumber: { value: ' ACN-1 ' } }] });
    const facts = {
      reports: [replaced, reportOf({ documentKey: 'x', orders: [{ accessionNumber: { value: 'ACN-2' } }] })],
      studies: [studyOf(study, { accessionNumbers: ['ACN-2'] })],
    };
    expect((await decide({ facts }, doctor)).kind).toBe('granted');
  });

  test('of a series opens the study that has it, and no other', async () => {
    expect((await decide({}, doctor, { ...link, seriesInstanceUid: series })).kind).toBe('granted');
    expect(await decide({}, doctor, { ...link, seriesInstanceUid: `${series}.7` })).toEqual({
      kind: 'refused',
      reason: 'viewer-access/series-unknown',
      ins: camille,
    });
  });
});

/** What is wrong with the archive or the link → the reason, the same for everybody. */
const refusedToAll: readonly (readonly [string, World, AccessRefusal])[] = [
  ['no such report names the study', { facts: { reports: [] } }, 'viewer-access/report-unknown'],
  [
    'the id of another report of the study: root alone is not enough',
    { facts: { reports: [reportOf({ documentKey: root })] } },
    'viewer-access/report-unknown',
  ],
  [
    'the report names another study only',
    { facts: { reports: [reportOf({ studies: [otherStudy] })] } },
    'viewer-access/report-unknown',
  ],
  ['the report was deleted', { facts: { reports: [reportOf({ state: 'deleted' })] } }, 'viewer-access/report-gone'],
  [
    'the report was deleted, though another one of its lineage is current',
    { facts: { reports: [reportOf({ state: 'deleted' }), reportOf({ documentKey: 'other' })] } },
    'viewer-access/report-gone',
  ],
  [
    'no version is current any more',
    { facts: { reports: [reportOf({ state: 'replaced' }), reportOf({ documentKey: 'x', state: 'deleted' })] } },
    'viewer-access/report-gone',
  ],
  [
    'the current version names the study no more',
    { facts: { reports: [reportOf({ state: 'replaced' }), reportOf({ documentKey: 'x', studies: [otherStudy] })] } },
    'viewer-access/report-gone',
  ],
  [
    'the accession number is another one',
    {
      facts: {
        reports: [reportOf({ orders: [{ accessionNumber: { value: 'ACN-2' } }] })],
        studies: [studyOf(study, { accessionNumbers: ['ACN-2'] })],
      },
    },
    'viewer-access/accession-mismatch',
  ],
  [
    'the accession number is of a former version that the link does not name, and no longer of the study',
    {
      facts: {
        reports: [
          reportOf({ documentKey: 'former', state: 'replaced' }),
          reportOf({ orders: [{ accessionNumber: { value: 'ACN-2' } }] }),
        ],
        studies: [studyOf(study, { accessionNumbers: ['ACN-2'] })],
      },
    },
    'viewer-access/accession-mismatch',
  ],
  [
    'the accession number is of another study of the report',
    {
      facts: {
        reports: [
          reportOf({
            studies: [otherStudy, study],
            orders: [{ accessionNumber: { value: 'ACN-1' } }, { accessionNumber: { value: 'ACN-2' } }],
          }),
        ],
        studies: [studyOf(study, { accessionNumbers: ['ACN-2'] }), studyOf(otherStudy)],
      },
    },
    'viewer-access/accession-mismatch',
  ],
  [
    'the archive knows no accession number',
    { facts: { reports: [reportOf({ orders: [] })], studies: [studyOf(study, { accessionNumbers: [' '] })] } },
    'viewer-access/accession-unknown',
  ],
  [
    'nothing is published',
    { facts: { studies: [{ studyInstanceUid: study, accessionNumbers: [] }] } },
    'viewer-access/not-published',
  ],
  ['the archive says nothing of the study', { facts: { studies: [] } }, 'viewer-access/not-published'],
  ['the manifest is unknown', { servings: { [study]: closed('unknown') } }, 'viewer-access/not-published'],
  [
    'the manifest was replaced or withdrawn',
    { servings: { [study]: closed('not-current') } },
    'viewer-access/not-published',
  ],
  ['the study is held', { servings: { [study]: closed('held') } }, 'viewer-access/study-held'],
  [
    'the report is gone for the manifest',
    { servings: { [study]: closed('report-gone') } },
    'viewer-access/report-gone',
  ],
  [
    'the manifest is of another study',
    { servings: { [study]: served(manifestOf(otherStudy)) } },
    'viewer-access/not-published',
  ],
  [
    'the manifest stands in the record of another patient (B7)',
    { servings: { [study]: served(manifestOf(study, { ins: alex })) } },
    'viewer-access/other-patient',
  ],
  [
    'the current report names another patient (B7)',
    { facts: { reports: [reportOf({ ins: alex, patient: patientOf(alex) })] } },
    'viewer-access/other-patient',
  ],
  [
    'what the manifest says of its patient is of another one',
    { facts: { studies: [studyOf(study, { manifestPatient: patientOf(alex) })] } },
    'viewer-access/other-patient',
  ],
];

describe('a link that does not agree is refused to everybody alike (E6, DB.VI-SO.08)', () => {
  test.each(refusedToAll)('%s', async (_, world, reason) => {
    for (const [, viewer] of everybody) expect(await decide(world, viewer)).toMatchObject({ kind: 'refused', reason });
  });
});

describe('who may look (E5)', () => {
  const none: readonly (keyof ServedManifest['restrictions'])[] = [];
  test.each([
    [none, undefined, undefined, undefined],
    [['maskedFromProfessionals'], undefined, 'viewer-access/masked', undefined],
    [['invisibleToPatient'], 'viewer-access/hidden-from-patient', undefined, undefined],
    [['invisibleToRepresentatives'], 'viewer-access/hidden-from-patient', undefined, undefined],
    [
      ['maskedFromProfessionals', 'invisibleToPatient'],
      'viewer-access/hidden-from-patient',
      'viewer-access/masked',
      undefined,
    ],
    [['invisibleToPatient', 'invisibleToRepresentatives'], 'viewer-access/hidden-from-patient', undefined, undefined],
  ] as const)('under %j: the patient %s, a professional %s, the author %s', async (names, ...expected) => {
    const manifest = manifestOf(study, restricted(...names));
    for (const [at, [, viewer]] of everybody.entries()) {
      const reason = expected[at];
      expect(findHiding(manifest, viewer)).toBe(reason);
      const decision = await decide({ servings: { [study]: served(manifest) } }, viewer);
      expect(decision).toMatchObject(
        reason === undefined ? { kind: 'granted' } : { kind: 'refused', reason, ins: camille },
      );
      const open = await checkGrant(portsOf({ servings: { [study]: served(manifest) } }), grant(), viewer);
      expect(open).toMatchObject(reason === undefined ? { kind: 'open' } : { kind: 'refused', reason });
    }
  });

  test('a patient whose identity does not match sees nothing (E7, DB.VI-SO.152); a professional is not compared', async () => {
    const match = () => 'mismatch' as const;
    expect(await decide({ match }, patient)).toEqual({
      kind: 'refused',
      reason: 'viewer-access/identity-mismatch',
      ins: camille,
      mismatches: ['birth-date-differs'],
    });
    expect((await decide({ match }, doctor)).kind).toBe('granted');
  });

  test('a patient who tried too often is not compared', async () => {
    const decision = await decide({ match: () => 'refused' }, patient);
    expect(decision).toEqual({ kind: 'refused', reason: 'viewer-access/identity-throttled', ins: camille });
  });

  test('the identity is compared with the manifest and every current report of the study, with their status', async () => {
    const seen: StudyPatient[] = [];
    const facts = {
      reports: [
        reportOf({ state: 'replaced', patient: patientOf(camille, 'ANCIEN') }),
        reportOf({ documentKey: 'x', identityStatus: 'PROV' }),
      ],
      studies: [studyOf(study, { manifestPatient: patientOf(camille, 'MANIFESTE') })],
    };
    const match = (_: Traits, archived: StudyPatient) => (seen.push(archived), 'match' as const);
    await decide({ facts, match }, patient);
    expect(seen).toEqual([
      { manifest: patientOf(camille, 'MANIFESTE'), reports: [{ ...patientOf(camille), identityStatus: 'PROV' }] },
    ]);
    const { manifestPatient: _unused, ...imported } = studyOf();
    await decide({ facts: { studies: [imported] }, match }, patient);
    expect(seen[1]).toEqual({ manifest: patientOf(camille), reports: [patientOf(camille)] });
  });
});

describe('the other studies of the report (E6)', () => {
  const both = {
    reports: [reportOf({ studies: [study, otherStudy] })],
    studies: [studyOf(), studyOf(otherStudy)],
  };

  test('open with it, each checked alike', async () => {
    for (const [, viewer] of everybody) {
      expect(await decide({ facts: both }, viewer)).toEqual({ kind: 'granted', studies: [grant(), grant(otherStudy)] });
    }
  });

  test.each([
    ['held', closed('held')],
    ['withdrawn', closed('not-current')],
    ['of another patient', served(manifestOf(otherStudy, { ins: alex }))],
    ['hidden from the patient', served(manifestOf(otherStudy, restricted('invisibleToPatient')))],
  ])('stay closed when they are %s, and the asked one opens', async (_, serving) => {
    expect(await decide({ facts: both, servings: { [otherStudy]: serving } }, patient)).toEqual({
      kind: 'granted',
      studies: [grant()],
    });
  });

  test('that name somebody else stay closed, and count against nobody: who is proved to be the patient locks nobody out', async () => {
    const facts = {
      ...both,
      studies: [studyOf(), studyOf(otherStudy, { manifestPatient: patientOf(camille, 'AUTRE') })],
    };
    const counted: string[] = [];
    const match = (_: Traits, { manifest }: StudyPatient) =>
      manifest.birthFamilyName === 'AUTRE' ? ('mismatch' as const) : ('match' as const);
    const ports = portsOf({ facts, match });
    const decision = await decideAccess(
      {
        ...ports,
        matchIdentity: (traits, archived, uid) => {
          counted.push(uid);
          return ports.matchIdentity(traits, archived, uid);
        },
      },
      link,
      patient,
    );
    expect(decision).toEqual({ kind: 'granted', studies: [grant()] });
    expect(counted).toEqual([study]);
  });

  test('never open a link whose own study is closed', async () => {
    expect((await decide({ facts: both, servings: { [study]: closed('held') } }, patient)).kind).toBe('refused');
  });

  test('are those of the current version, not of the one the link was printed in', async () => {
    const facts = {
      reports: [reportOf({ state: 'replaced', studies: [study, otherStudy] }), reportOf({ documentKey: 'x' })],
      studies: both.studies,
    };
    expect(await decide({ facts }, doctor)).toEqual({ kind: 'granted', studies: [grant()] });
  });
});

describe('a grant at each call (E5)', () => {
  test('follows the study to its new manifest', async () => {
    const ports = portsOf({});
    const open = await checkGrant(
      { ...ports, findStandingManifest: () => Promise.resolve(`${study}.98`) },
      grant(),
      doctor,
    );
    expect(open).toMatchObject({ kind: 'open', kosSopInstanceUid: `${study}.98` });
  });

  test.each([
    ['unknown', 'viewer-access/not-published'],
    ['not-current', 'viewer-access/not-published'],
    ['held', 'viewer-access/study-held'],
    ['report-gone', 'viewer-access/report-gone'],
  ] as const)('closes when the manifest is %s', async (why, reason) => {
    const open = await checkGrant(portsOf({ servings: { [study]: closed(why) } }), grant(), doctor);
    expect(open).toEqual({ kind: 'refused', reason });
  });

  test('closes when nothing stands any more, when the patient became another one, when the study is another', async () => {
    expect(await checkGrant(portsOf({}), grant(otherStudy), doctor)).toEqual({
      kind: 'refused',
      reason: 'viewer-access/not-published',
    });
    for (const [manifest, reason] of [
      [manifestOf(study, { ins: alex }), 'viewer-access/other-patient'],
      [manifestOf(otherStudy), 'viewer-access/not-published'],
    ] as const) {
      const open = await checkGrant(portsOf({ servings: { [study]: served(manifest) } }), grant(), doctor);
      expect(open).toEqual({ kind: 'refused', reason });
    }
  });
});
