/**
 * First script of the frame that holds OHIF. Reads from the frame element of our page which images to show, so that no
 * address that leaves the browser names them, and tells the page what happens here.
 *
 * The page sets on its <iframe>: data-dicomweb (path of the DICOMweb root of one grant), data-studies (Study Instance UIDs),
 * data-classes (SOP classes in the examination), data-series (Series Instance UID to show first, or absent); lists are separated
 * by spaces.
 *
 * Messages to the page: {source:'drimbox-ohif', kind:'started' | 'metadata' | 'first-image' | 'progress' | 'refused' | 'failed', …}.
 * Messages from the page: {target:'drimbox-ohif', kind:'show-series', seriesInstanceUid}.
 */
(() => {
  const frame = window.frameElement;
  const path = document.documentElement.dataset.path;
  window.PUBLIC_URL = path;
  const words = (text) => (text ?? '').split(' ').filter(Boolean);
  const asked = frame === null ? undefined : frame.dataset;
  window.drimboxExamination = {
    root: asked?.dicomweb,
    studies: words(asked?.studies),
    classes: words(asked?.classes),
  };

  const tell = (kind, details = {}) =>
    window.parent.postMessage({ source: 'drimbox-ohif', kind, atMs: performance.now(), ...details }, location.origin);
  window.drimboxTell = tell;

  if (asked?.dicomweb === undefined) {
    document.documentElement.textContent = 'Ouvrez les images depuis la page de l’examen.';
    throw new Error('this page is opened by the page of an examination');
  }

  // The router of OHIF reads the studies from the address; nothing of it is sent, and it is taken away below.
  const query = new URLSearchParams({ lng: 'fr', StudyInstanceUIDs: window.drimboxExamination.studies.join(',') });
  if (asked.series !== undefined) query.set('initialSeriesInstanceUID', asked.series);
  history.replaceState(null, '', `${path}basic?${query}`);

  // Tours and dialogs remember in the storage of the browser that they were seen: nothing is kept on a shared computer.
  try {
    localStorage.clear();
    sessionStorage.clear();
  } catch {
    // Forbidden in this browser: nothing is kept then either.
  }

  const counted = { done: 0, failed: 0, bytes: 0 };
  let isTelling = false;
  const tellProgress = () => {
    if (isTelling) return;
    isTelling = true;
    setTimeout(() => {
      isTelling = false;
      tell('progress', counted);
    }, 200);
  };
  /** Every answer of the image server passes here. */
  const observe = (url, status, bytes) => {
    const { pathname } = new URL(url, location.href);
    if (!pathname.startsWith(window.drimboxExamination.root)) return;
    if (status === 401 || status === 403) tell('refused', { status });
    if (pathname.endsWith('/metadata') && status === 200) tell('metadata');
    if (!/\/frames\/[\d,]+$/.test(pathname)) return;
    if (status >= 200 && status < 300) counted.done += 1;
    else counted.failed += 1;
    counted.bytes += bytes;
    tellProgress();
  };
  const open = Reflect.get(XMLHttpRequest.prototype, 'open');
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    let bytes = 0;
    this.addEventListener('progress', (event) => {
      bytes = event.loaded;
    });
    // 0 where the line broke or OHIF gave up: only the first is a failure, and it is tried again by OHIF.
    this.addEventListener('loadend', () => this.status > 0 && observe(url, this.status, bytes));
    return Reflect.apply(open, this, [method, url, ...rest]);
  };
  const plainFetch = window.fetch;
  window.fetch = async (...request) => {
    const answer = await plainFetch(...request);
    observe(answer.url, answer.status, Number(answer.headers.get('content-length') ?? 0));
    return answer;
  };

  const isNarrow = matchMedia('(max-width: 48rem)').matches;
  /** One finger moves through the images, as it moves through all else on a phone; OHIF changes the window and wants three. */
  const scrollByFinger = () => {
    const displaySets = window.services?.displaySetService?.getActiveDisplaySets() ?? [];
    if (!displaySets.some(({ numImageFrames }) => numImageFrames > 1)) return;
    window.commandsManager.run('setToolActiveToolbar', { toolName: 'StackScroll', toolGroupIds: ['default'] });
  };

  // Events of Cornerstone do not bubble; they can be caught on their way down.
  const onImage = () => {
    document.removeEventListener('CORNERSTONE_IMAGE_RENDERED', onImage, true);
    history.replaceState(null, '', `${path}viewer.html`);
    if (isNarrow) scrollByFinger();
    tell('first-image');
  };
  document.addEventListener('CORNERSTONE_IMAGE_RENDERED', onImage, true);

  for (const kind of ['pointerdown', 'keydown', 'wheel', 'touchstart']) {
    document.addEventListener(kind, () => window.parent.dispatchEvent(new Event('drimbox-activity')), {
      capture: true,
      passive: true,
    });
  }

  // Cornerstone keeps the press of a button from moving the focus: without this, keys would go to the page around the images
  // that a person has just touched.
  document.addEventListener('pointerdown', () => window.focus(), { capture: true, passive: true });

  const showSeries = (seriesInstanceUid) => {
    const { displaySetService, viewportGridService } = window.services ?? {};
    const [displaySet] =
      displaySetService?.getDisplaySetsBy((set) => set.SeriesInstanceUID === seriesInstanceUid) ?? [];
    if (displaySet === undefined) return tell('failed', { reason: 'series-unknown' });
    window.commandsManager.run('setDisplaySetsForViewports', {
      viewportsToUpdate: [
        {
          viewportId: viewportGridService.getActiveViewportId(),
          displaySetInstanceUIDs: [displaySet.displaySetInstanceUID],
        },
      ],
    });
    return undefined;
  };
  window.addEventListener('message', ({ source, origin, data }) => {
    if (source !== window.parent || origin !== location.origin || data?.target !== 'drimbox-ohif') return;
    if (data.kind === 'show-series') showSeries(data.seriesInstanceUid);
  });
  window.addEventListener('error', ({ message }) => tell('failed', { reason: String(message).slice(0, 200) }));
  tell('started');
})();
