/** An invented examination that looks like something on a screen: a body of ellipses, in two series. Nothing is real. */
import { buildCtInstance, inventedSeries, type InventedInstance } from '../fixtures/dicom/index.ts';
import { examinationStudy } from '../fixtures/examination.ts';
import type { ExaminationDescription } from '../../viewer/src/description.ts';
import { grant } from './stand-in-server.ts';

export interface PhantomOptions {
  readonly images?: number;
  readonly size?: number;
  readonly number?: number;
}

interface Ellipse {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Hounsfield units. */
  readonly value: number;
}

/** Body, two lungs, spine, heart: drawn one over the other. */
const drawSlice = (share: number): readonly Ellipse[] => [
  { x: 0, y: 0, width: 0.85, height: 0.6, value: 40 },
  { x: -0.4, y: -0.05, width: 0.3 * Math.sin(Math.PI * share), height: 0.4, value: -750 },
  { x: 0.4, y: -0.05, width: 0.3 * Math.sin(Math.PI * share), height: 0.4, value: -750 },
  { x: 0, y: 0.42, width: 0.1, height: 0.12, value: 500 },
  { x: 0.12, y: -0.1, width: 0.22 * share, height: 0.2 * share, value: 120 },
];

const slope = -1024;

const paint = (bytes: Uint8Array, size: number, share: number): void => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 2 * size * size);
  const ellipses = drawSlice(share);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const x = (2 * column) / size - 1;
      const y = (2 * row) / size - 1;
      let value = -1000;
      for (const e of ellipses) {
        if (((x - e.x) / e.width) ** 2 + ((y - e.y) / e.height) ** 2 <= 1) value = e.value;
      }
      view.setUint16(2 * (row * size + column), value - slope + ((row * 7 + column * 3) % 12), true);
    }
  }
};

/** Pixel data is the last element of these files. */
export const buildPhantom = ({
  images = 30,
  size = 192,
  number = 1,
}: PhantomOptions = {}): readonly InventedInstance[] => {
  const study = examinationStudy(number);
  return [1, 2].flatMap((seriesNumber) => {
    const series = inventedSeries(study, seriesNumber, 'CT');
    return Array.from({ length: images }, (_, index) => {
      const instance = buildCtInstance(study, series, index + 1, size);
      const bytes = Buffer.from(instance.bytes);
      paint(bytes, size, (index + 1) / (images + 1));
      return { ...instance, bytes };
    });
  });
};

export const describePhantom = (
  instances: readonly InventedInstance[],
  changes: Partial<ExaminationDescription> = {},
): ExaminationDescription => {
  const bySeries = Map.groupBy(instances, (instance) => instance.seriesInstanceUid);
  const root = `/examen/${grant}`;
  return {
    softwareVersion: '0.1.0',
    patient: {
      birthName: 'EXEMPLE',
      firstGivenName: 'CAMILLE',
      birthDate: '1985-03-21',
      sex: 'female',
      birthPlace: 'Lyon (69123)',
      further: [
        { label: 'Prénoms de naissance', value: 'CAMILLE JEANNE' },
        { label: 'Nom utilisé', value: 'EXEMPLE-DUPONT' },
      ],
    },
    person: { kind: 'professional', name: 'Dr Dominique MODELE – Médecin, radiologie, Cabinet Exemple' },
    studies: [
      {
        studyInstanceUid: instances[0]?.studyInstanceUid ?? '',
        title: 'Scanner du thorax',
        date: '2024-01-15',
        place: 'Centre d’imagerie Exemple',
        downloadPath: `${root}/images.zip`,
        downloadBytes: instances.reduce((sum, { bytes }) => sum + bytes.length, 0),
        series: [...bySeries].map(([seriesInstanceUid, members], index) => ({
          seriesInstanceUid,
          title: index === 0 ? 'Fenêtre médiastinale' : 'Fenêtre parenchymateuse, reconstruction fine',
          modality: 'CT',
          content: 'images' as const,
          imageCount: members.length,
          previewPath: `${root}/apercu/${seriesInstanceUid}.jpg`,
          sopClassUids: [...new Set(members.map(({ sopClassUid }) => sopClassUid))],
        })),
      },
    ],
    dicomWebPath: `${root}/dicomweb`,
    signOut: { path: '/deconnexion', csrfField: 'csrf', csrfToken: 'invented' },
    linkPath: '/IHEInvokeImageDisplay?invented=yes',
    endsAtUtcMs: Date.now() + 3_600_000,
    idleMs: 1_800_000,
    ...changes,
  };
};
