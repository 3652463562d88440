/** What the list of series says that a series holds. */
import { describe, expect, it } from 'vitest';
import { findSeriesContent } from '../../plugin/viewer-access/series-content.ts';
import { describeContent } from '../../viewer/src/series-words.ts';

const root = '1.2.840.10008.5.1.4.1.1.';

describe('content of a series, by its SOP classes', () => {
  it.each([
    ['CT', '2', 'images'],
    ['enhanced MR', '4.1', 'images'],
    ['mammogram', '1.2', 'images'],
    ['multi-frame ultrasound', '3.1', 'images'],
    ['scintigraphy', '20', 'images'],
    ['dose of radiotherapy', '481.2', 'images'],
    ['endoscopic film', '77.1.1.1', 'video'],
    ['endoscopic photograph', '77.1.1', 'images'],
    ['PDF', '104.1', 'document'],
    ['encapsulated CDA', '104.2', 'objects'],
    ['structured report', '88.33', 'objects'],
    ['key objects', '88.59', 'objects'],
    ['presentation state', '11.1', 'objects'],
    ['segmentation', '66.4', 'objects'],
    ['parametric map', '30', 'objects'],
    ['contours', '481.3', 'objects'],
    ['electrocardiogram', '9.1.1', 'objects'],
    ['raw data', '66', 'objects'],
  ] as const)('%s', (_kind, arcs, content) => {
    expect(findSeriesContent([root + arcs])).toBe(content);
  });

  it('is that of its images where it holds other objects too; of nothing known, images', () => {
    expect(findSeriesContent([`${root}11.1`, `${root}2`])).toBe('images');
    expect(findSeriesContent([`${root}88.11`, `${root}104.1`])).toBe('document');
    expect(findSeriesContent([])).toBe('images');
  });
});

describe('words under the title of a series', () => {
  it.each([
    ['images', 'CT', 'Scanner, 4 images'],
    ['video', 'ES', 'Endoscopie, vidéo'],
    ['document', 'DOC', 'Document PDF'],
    ['document', 'OT', 'Autre, document PDF'],
    ['objects', 'SR', 'Rapport structuré'],
    ['objects', 'RTSTRUCT', 'Contours de radiothérapie'],
    // Never counted as an image: there is none.
    ['objects', 'CT', 'Scanner, données sans image'],
    ['objects', 'ZZ', 'ZZ, données sans image'],
  ] as const)('%s of %s: %s', (content, modality, words) => {
    expect(describeContent({ content, modality, imageCount: 4 }).replaceAll('\u00a0', ' ')).toBe(words);
  });
});
