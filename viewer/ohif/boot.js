/**
 * First script of the frame that holds OHIF. Reads from the frame element of our page which images to show, so that no
 * address that leaves the browser names them, and tells the page what happens here.
 *
 * The page sets on its <iframe>: data-dicomweb (path of the DICOMweb root of one grant), data-studies (Study Instance UIDs),
 * data-series (Series Instance UIDs), data-classes (SOP classes in the examination); lists are separated by spaces; data-first
 * (Series Instance UID to show first, or absent), data-first-alone (there where that series needs no other to be shown).
 *
 * Messages to the page, from here and from shown-series.js: {source:'drimbox-ohif', kind, …}, see viewer/src/ohif-messages.ts.
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
    series: words(asked?.series),
    classes: words(asked?.classes),
    /** Read by OHIF when it chooses what to show at its start, not later: see tellReady. */
    first: asked?.first,
    isFirstAlone: asked?.firstAlone !== undefined,
  };
  /** OHIF reads all other series then: nothing else is on the line before the first image. */
  window.drimboxExamination.firstImage = new Promise((resolve) => {
    window.drimboxExamination.onFirstImage = resolve;
  });

  const tell = (kind, details = {}) =>
    window.parent.postMessage({ source: 'drimbox-ohif', kind, atMs: performance.now(), ...details }, location.origin);
  window.drimboxTell = tell;

  if (asked?.dicomweb === undefined) {
    document.documentElement.textContent = 'Ouvrez les images depuis la page de l’examen.';
    throw new Error('this page is opened by the page of an examination');
  }

  // The width of the element: a window that was not laid out yet has none, and on a busy computer this runs before that.
  const narrowPx = 48 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  window.drimboxExamination.isNarrow = frame.getBoundingClientRect().width <= narrowPx;

  // An address that the router of OHIF knows. Which studies it shows it reads above (ohif-start-patches.ts): they are in no address.
  history.replaceState(null, '', `${path}basic?lng=fr`);

  // Tours and dialogs remember in the storage of the browser that they were seen: nothing is kept on a shared computer.
  try {
    localStorage.clear();
    sessionStorage.clear();
  } catch {
    // Forbidden in this browser: nothing is kept then either.
  }

  const counted = { done: 0, failed: 0 };
  /** Images that did not come; what comes when it is asked for again is none of them. */
  const missing = new Set();
  let isTelling = false;
  const tellProgress = () => {
    if (isTelling) return;
    isTelling = true;
    setTimeout(() => {
      isTelling = false;
      tell('progress', { ...counted, failed: missing.size });
    }, 200);
  };

  let isReady = false;
  /** The page takes its own picture away, and its list can be used. Once. */
  const tellReady = () => {
    if (isReady) return;
    isReady = true;
    window.drimboxExamination.first = undefined;
    window.drimboxExamination.onFirstImage();
    history.replaceState(null, '', `${path}viewer.html`);
    tell('ready');
  };
  window.drimboxTellReady = tellReady;
  const failedImageMs = 4_000;
  const undrawnImageMs = 15_000;
  /** An image that fails, or cannot be decoded, must not keep the others away. */
  const unlockIn = (ms) => isReady || setTimeout(tellReady, ms);
  /** OHIF does without it after its start; before, it shows nothing. */
  const tellFailed = () => isReady || tell('failed');

  const observeFrame = (pathname, isHere) => {
    if (isHere) {
      counted.done += 1;
      missing.delete(pathname);
    } else missing.add(pathname);
    unlockIn(isHere ? undrawnImageMs : failedImageMs);
    tellProgress();
  };
  /** Every answer of the image server passes here; status 0 where the line broke. */
  const observe = (url, status) => {
    const { pathname } = new URL(url, location.href);
    if (!pathname.startsWith(window.drimboxExamination.root)) return;
    const isHere = status >= 200 && status < 300;
    // Nobody is signed in, or the examination is open no more: the page asks, once for many.
    if (status === 401 || status === 404) tell('refused', { status });
    if (pathname.endsWith('/metadata')) window.drimboxOnMetadata(pathname.split('/').at(-2), status === 200);
    else if (/\/frames\/[\d,]+$/.test(pathname)) observeFrame(pathname, isHere);
    else if (/\/(studies|series)$/.test(pathname) && !isHere) tellFailed();
  };
  const open = Reflect.get(XMLHttpRequest.prototype, 'open');
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    let isGivenUp = false;
    this.addEventListener('abort', () => {
      isGivenUp = true;
    });
    this.addEventListener('loadend', () => isGivenUp || observe(url, this.status));
    return Reflect.apply(open, this, [method, url, ...rest]);
  };
  const plainFetch = window.fetch;
  window.fetch = async (...request) => {
    try {
      const answer = await plainFetch(...request);
      observe(answer.url, answer.status);
      return answer;
    } catch (error) {
      if (error?.name !== 'AbortError') observe(request[0]?.url ?? request[0], 0);
      throw error;
    }
  };

  /** One finger moves through the images, as it moves through all else on a phone; OHIF changes the window and wants three. */
  const scrollByFinger = () => {
    const displaySets = window.services?.displaySetService?.getActiveDisplaySets() ?? [];
    if (!displaySets.some(({ numImageFrames }) => numImageFrames > 1)) return;
    window.commandsManager.run('setToolActiveToolbar', { toolName: 'StackScroll', toolGroupIds: ['default'] });
  };

  // Events of Cornerstone do not bubble; they can be caught on their way down.
  const onImage = () => {
    document.removeEventListener('CORNERSTONE_IMAGE_RENDERED', onImage, true);
    if (window.drimboxExamination.isNarrow) scrollByFinger();
    tellReady();
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
  document.addEventListener(
    'pointerdown',
    ({ target }) => {
      window.focus();
      // Keys are for the image from now on, no more for the button of the tool.
      if (target.closest('[data-cy="viewport-pane"]')) document.activeElement?.closest('button')?.blur();
    },
    { capture: true, passive: true },
  );

  const onError = ({ target }) => target instanceof HTMLScriptElement && tellFailed();
  // A script that does not come: its event does not bubble either.
  window.addEventListener('error', onError, true);
  tell('started');
})();
