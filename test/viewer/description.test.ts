import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { parseDescription, parseRefusal } from '../../viewer/src/description.ts';
import { buildPhantom, describePhantom } from './invented-examination.ts';

const described = describePhantom(buildPhantom({ images: 2, size: 8 }));
const asSent = (): Record<string, unknown> => JSON.parse(JSON.stringify(described)) as Record<string, unknown>;

describe('description of an examination', () => {
  it('reads what the server writes, field by field', () => {
    expect(parseDescription(asSent())).toEqual(described);
  });

  it('drops fields it does not know, so that a newer server can add some', () => {
    expect(parseDescription({ ...asSent(), added: 1 })).toEqual(described);
  });

  it.each(Object.keys(asSent()))('refuses an answer without %s rather than show half of an identity', (key) => {
    const { [key]: left, ...rest } = asSent();
    expect(left).toBeDefined();
    expect(() => parseDescription(rest)).toThrow(TypeError);
  });

  it.each(['https://elsewhere.example/x', '//elsewhere.example/x', '/\\elsewhere.example', 'javascript:alert(1)', ''])(
    'follows no path to another host: %j',
    (path) => {
      expect(() => parseDescription({ ...asSent(), dicomWebPath: path })).toThrow(/dicomWebPath/);
    },
  );

  it('takes a content that it does not know for images: they are at least tried', () => {
    const [study] = asSent()['studies'] as [{ series: object[] }];
    const studies = [{ ...study, series: study.series.map((one) => ({ ...one, content: 'hologram' })) }];
    expect(parseDescription({ ...asSent(), studies }).studies[0]?.series[0]?.content).toBe('images');
  });

  it('takes an unknown sex for "not said", never for one of both', () => {
    const patient = { ...(asSent()['patient'] as object), sex: 'other' };
    expect(parseDescription({ ...asSent(), patient }).patient.sex).toBe('unknown');
  });

  it('never throws anything but TypeError', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parseDescription(value);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
        }
      }),
    );
  });
});

describe('refusal', () => {
  it('keeps the code for the help desk and the words of the server', () => {
    expect(parseRefusal({ code: 'room/why', message: 'Pourquoi.', more: 1 })).toEqual({
      code: 'room/why',
      message: 'Pourquoi.',
    });
  });

  it.each([undefined, null, 'text', {}, { code: 1, message: 'x' }])('has a code of its own for %j', (body) => {
    expect(parseRefusal(body).code).toBe('visionneuse/reponse-illisible');
  });
});
