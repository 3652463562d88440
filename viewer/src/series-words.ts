/** What a series holds, in a line under its title. */
import type { SeriesDescription } from './description.ts';
import { formatCount, isImageModality, labelModality } from './french-format.ts';

export const describeContent = ({
  content,
  modality,
  imageCount,
}: Pick<SeriesDescription, 'content' | 'modality' | 'imageCount'>): string => {
  const label = labelModality(modality);
  switch (content) {
    case 'images':
      return `${label}, ${formatCount(imageCount, 'image', 'images')}`;
    case 'video':
      return `${label}, vidéo`;
    case 'document':
      return modality === 'DOC' ? 'Document PDF' : `${label}, document PDF`;
    case 'objects':
      return isImageModality(modality) ? `${label}, données sans image` : label;
  }
};
