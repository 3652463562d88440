/**
 * Names in the archive.
 *
 * ```
 * DICOM/PA000000/ST000000/SE000000/IM000000    file ids of 8 characters at most
 * DICOMDIR
 * LISEZ-MOI.txt
 * IMAGES_NON_INCLUSES/SE000000-IM000000.TXT    stands where an image could not be read
 * ```
 * @see PS3.10 §8.2 (file ids), §8.5 (characters), §8.6 (DICOMDIR)
 */

export const dicomFolder = 'DICOM/';
export const dicomdirPath = 'DICOMDIR';
export const readmePath = 'LISEZ-MOI.txt';

/** More would need longer names. */
export const maxNumbered = 1_000_000;

const six = (number: number): string => `${number}`.padStart(6, '0');

const namesOf = (series: number, image: number): readonly [string, string] => [`SE${six(series)}`, `IM${six(image)}`];

/** @param series @param image  counted from 0 */
export const imagePath = (series: number, image: number): string => {
  const [seriesName, imageName] = namesOf(series, image);
  return `${dicomFolder}PA000000/ST000000/${seriesName}/${imageName}`;
};

/** As long as `imagePath`: it takes its place without moving anything else. */
export const leftOutPath = (series: number, image: number): string =>
  `IMAGES_NON_INCLUSES/${namesOf(series, image).join('-')}.TXT`;
