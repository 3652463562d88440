/** The colours that a person sees in the quadrants of a picture: of OHIF's canvas, of a JPEG. */
import type { Frame, Page } from 'playwright-core';

/** Red, green, blue at the middle of: top left, top right, bottom left, bottom right. */
export type SeenQuadrants = readonly (readonly [number, number, number])[];

/** In the browser: the middles of the quadrants of a picture of that shape, fit into the drawing. */
const readPoints = `(context, width, height, columns, rows) => {
  const scale = Math.min(width / columns, height / rows);
  return [[-1, -1], [1, -1], [-1, 1], [1, 1]].map(([x, y]) => {
    const left = Math.round(width / 2 + (x * columns * scale) / 4);
    const top = Math.round(height / 2 + (y * rows * scale) / 4);
    return [...context.getImageData(left, top, 1, 1).data.slice(0, 3)];
  });
}`;

export interface PictureShape {
  readonly rows: number;
  readonly columns: number;
}

/** Of the first viewport; nothing while there is no canvas. */
export const readViewport = (ohif: Frame, { rows, columns }: PictureShape): Promise<SeenQuadrants | undefined> =>
  ohif.evaluate(`(() => {
    const canvas = document.querySelector('canvas.cornerstone-canvas');
    if (canvas === null || canvas.width === 0) return undefined;
    const copy = document.createElement('canvas');
    copy.width = canvas.width;
    copy.height = canvas.height;
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0);
    return (${readPoints})(context, copy.width, copy.height, ${columns}, ${rows});
  })()`);

/** Of a JPEG of this origin; the status of the answer where it is another than 200. */
export const readPicture = (page: Page, path: string): Promise<SeenQuadrants | number> =>
  page.evaluate(`(async () => {
    const answer = await fetch(${JSON.stringify(path)});
    if (answer.status !== 200) return answer.status;
    const shown = await createImageBitmap(await answer.blob());
    const copy = document.createElement('canvas');
    copy.width = shown.width;
    copy.height = shown.height;
    const context = copy.getContext('2d');
    context.drawImage(shown, 0, 0);
    return (${readPoints})(context, shown.width, shown.height, shown.width, shown.height);
  })()`);

/** One pixel of the picture that the first viewport shows. @param at  row and column of the picture */
export const readPixel = (
  ohif: Frame,
  { rows, columns }: PictureShape,
  [row, column]: readonly [number, number],
): Promise<readonly number[]> =>
  ohif.evaluate(`(() => {
    const canvas = document.querySelector('canvas.cornerstone-canvas');
    const copy = document.createElement('canvas');
    copy.width = canvas.width;
    copy.height = canvas.height;
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0);
    const scale = Math.min(copy.width / ${columns}, copy.height / ${rows});
    const left = Math.round(copy.width / 2 + (${column} + 0.5 - ${columns} / 2) * scale);
    const top = Math.round(copy.height / 2 + (${row} + 0.5 - ${rows} / 2) * scale);
    return [...context.getImageData(left, top, 1, 1).data.slice(0, 3)];
  })()`);

/** How much of the first viewport is nearly white or light grey. */
export const readLightShare = (ohif: Frame): Promise<number> =>
  ohif.evaluate(`(() => {
    const canvas = document.querySelector('canvas.cornerstone-canvas');
    const copy = document.createElement('canvas');
    copy.width = canvas.width;
    copy.height = canvas.height;
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    let light = 0;
    for (let at = 0; at < data.length; at += 4) if (Math.min(data[at], data[at + 1], data[at + 2]) > 120) light += 1;
    return (4 * light) / data.length;
  })()`);

/** How much of a part of the screen has that colour, as a person sees it: other frames and documents too. */
export const readScreen = async (
  page: Page,
  selector: string,
  colour: readonly [number, number, number],
): Promise<{ readonly share: number }> => {
  const png = (await page.locator(selector).screenshot()).toString('base64');
  return page.evaluate(`(async () => {
    const shown = await createImageBitmap(await (await fetch('data:image/png;base64,${png}')).blob());
    const copy = document.createElement('canvas');
    copy.width = shown.width;
    copy.height = shown.height;
    const context = copy.getContext('2d');
    context.drawImage(shown, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    const wanted = ${JSON.stringify(colour)};
    let found = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (wanted.every((sample, of) => Math.abs(data[at + of] - sample) <= 6)) found += 1;
    }
    return { share: (4 * found) / data.length };
  })()`);
};
