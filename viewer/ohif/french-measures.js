/**
 * French for what Cornerstone's tools write beside lines and surfaces: their words, the decimal comma, Hounsfield units. Each
 * tool makes its lines by itself (`getTextLines` of its configuration); what they say passes here.
 */
(() => {
  const words = {
    Area: 'Surface',
    Mean: 'Moyenne',
    Max: 'Max.',
    Min: 'Min.',
    'Std Dev': 'Écart-type',
    Radius: 'Rayon',
    Perimeter: 'Périmètre',
    L: 'Grand axe',
    W: 'Petit axe',
  };
  /** How the size of a pixel is known: without it a length is not what it seems. */
  const calibrations = {
    Calibrated: 'étalonné',
    Error: 'étalonnage erroné',
    Proj: 'sur le détecteur',
    Unknown: 'étalonnage inconnu',
    User: 'étalonné par l’utilisateur',
  };
  const anyWord = Object.keys(words).join('|');
  const wordFirst = new RegExp(`^(${anyWord}): ?`);
  const calibrationLast = new RegExp(` (${Object.keys(calibrations).join('|')})(\u00b2|\u00b3)?$`);
  const translate = (line) =>
    String(line)
      .replace(wordFirst, (_, word) => `${words[word]}\u00a0: `)
      .replace('Oblique not supported', 'non mesuré en coupe oblique')
      .replace(calibrationLast, (_, word) => ` (${calibrations[word]})`)
      .replaceAll(/(\d)\.(\d)/g, '$1,$2')
      .replaceAll(/ HU(?= |$)/g, ' UH');

  // The list of measures says them too, and texts that people wrote beside them: these stay as they are.
  const value = String.raw`-?\d+(?:\.\d+)? (?:mm|cm|px|HU|SUV|raw|°)\S*(?: [A-Z]\w*)?`;
  const measure = new RegExp(`^(?:(?:${anyWord}): ?)?(?:${value}|Oblique not supported)$`);
  window.drimboxMeasureInFrench = (line) => (measure.test(line) ? translate(line) : line);

  const done = new WeakSet();
  const wrap = ({ configuration }) => {
    const { getTextLines } = configuration ?? {};
    if (typeof getTextLines !== 'function' || done.has(getTextLines)) return;
    const inFrench = (...asked) => getTextLines(...asked)?.map(translate);
    done.add(inFrench);
    configuration.getTextLines = inFrench;
  };
  const wrapAll = () => {
    const { toolGroupService } = window.services;
    for (const id of toolGroupService.toolGroupIds)
      for (const tool of Object.values(toolGroupService.getToolGroup(id)?.getToolInstances() ?? {})) wrap(tool);
  };

  // Before the first image there are no tools; views that come later may bring others.
  const onImage = () => {
    document.removeEventListener('CORNERSTONE_IMAGE_RENDERED', onImage, true);
    wrapAll();
    const { toolGroupService } = window.services;
    toolGroupService.subscribe(toolGroupService.EVENTS.VIEWPORT_ADDED, wrapAll);
  };
  document.addEventListener('CORNERSTONE_IMAGE_RENDERED', onImage, true);
})();
