import { describe, expect, it } from 'vitest';
import {
  orthancIdOfInstance,
  orthancIdOfPatient,
  orthancIdOfSeries,
  orthancIdOfStudy,
} from '../../plugin/orthanc/index.ts';

/** Given by Orthanc 1.10.1 and 1.12.7 for an invented patient. */
const seen = {
  patient: '3aa2da58-6b2b533b-a14cb6c6-cef04d16-c9876d9d',
  study: '81bfb4d0-d35b8599-cde9439a-3822b1f8-1cbd6321',
  series: 'bbffeb46-36b00069-66a06b15-c5582919-a8a51b9e',
  instance: '87d57760-52adaa44-b8ff1d80-76cac849-816ad917',
};

describe('Orthanc identifiers', () => {
  it('are those that a real Orthanc gave, so that a deletion that names only an id finds its study', () => {
    const uid = '2.25.999999.1';
    expect({
      patient: orthancIdOfPatient('IPP-0001'),
      study: orthancIdOfStudy('IPP-0001', uid),
      series: orthancIdOfSeries('IPP-0001', uid, `${uid}.1`),
      instance: orthancIdOfInstance('IPP-0001', uid, `${uid}.1`, `${uid}.1.1`),
    }).toEqual(seen);
  });

  it('count letters in UTF-8, whatever the character set of the file', () => {
    expect(orthancIdOfStudy('é', '2.25.1')).toBe(orthancIdOfStudy('\u00e9', '2.25.1'));
    expect(orthancIdOfInstance('é', '2.25.1', '2.25.2', '2.25.3')).toBe('a24a9cd3-419bebb0-11460e06-201a4ed2-7d57a1b4');
  });

  it('exist for an object without PatientID', () => {
    expect(orthancIdOfInstance('', '2.25.1', '2.25.2', '2.25.3')).toBe('5ea1b646-b312512c-5a6c1844-c6a92743-5701fe69');
  });
});
