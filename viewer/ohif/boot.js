/**
 * First script of the frame that holds OHIF. Reads from the frame element of our page which images to show, so that no
 * address that leaves the browser names them, and tells the page what happens here.
 *
 * The page sets on its <iframe>: data-dicomweb (path of the DICOMweb root of one grant), data-studies (Study Instance UIDs),
 * data-series (Series Instance UIDs), data-classes (SOP classes in the examination); lists are separated by spaces; data-first
 * (Series Instance UID to show first, or absent).
 *
 * Messages to the page: {source:'drimbox-ohif', kind:'started' | 'metadata' | 'first-image' | 'ready' | 'parts' | 'shown' |
 * 'not-shown' | 'progress' | 'refused' | 'failed', …}.
 * Messages from the page: {target:'drimbox-ohif', kind:'show-series', seriesInstanceUid, partId?}.
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
  if (asked.first !== undefined) query.set('initialSeriesInstanceUID', asked.first);
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
    if (pathname.endsWith('/metadata')) {
      if (status === 200) tell('metadata');
      else onUnreadable(pathname.split('/').at(-2));
    }
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

  let isReady = false;
  /** The page takes its own picture away. Once. */
  const tellReady = () => {
    if (isReady) return;
    isReady = true;
    history.replaceState(null, '', `${path}viewer.html`);
    tell('ready');
  };
  // Events of Cornerstone do not bubble; they can be caught on their way down.
  const onImage = () => {
    document.removeEventListener('CORNERSTONE_IMAGE_RENDERED', onImage, true);
    if (isNarrow) scrollByFinger();
    tell('first-image');
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
  document.addEventListener('pointerdown', () => window.focus(), { capture: true, passive: true });

  /** OHIF makes several parts of a series: of each loop one, of each radiograph one. */
  const partsOf = (seriesInstanceUid) =>
    window.services?.displaySetService.getDisplaySetsBy((set) => set.SeriesInstanceUID === seriesInstanceUid) ?? [];
  const isHere = (sopInstanceUid, but) =>
    window.services.displaySetService
      .getActiveDisplaySets()
      .some(
        (set) =>
          set !== but && (set.instances ?? set.images ?? []).some((object) => object.SOPInstanceUID === sopInstanceUid),
      );
  /** What is laid over images is nothing without them: they may stand in another study, or never have been sent. */
  const hasItsImages = (set) => {
    if (/\.dicom-(seg|rt)$/.test(set.SOPClassHandlerId ?? '')) return Boolean(set.referencedDisplaySetInstanceUID);
    // Its measurements are read when it is shown; the images it is about are named before that.
    const evidence = set.isImagingMeasurementReport && set.instance?.CurrentRequestedProcedureEvidenceSequence;
    if (!evidence) return true;
    const listOf = (value) => (value ? [value].flat() : []);
    return listOf(evidence)
      .flatMap(({ ReferencedSeriesSequence }) => listOf(ReferencedSeriesSequence))
      .flatMap(({ ReferencedSOPSequence }) => listOf(ReferencedSOPSequence))
      .some(({ ReferencedSOPInstanceUID }) => isHere(ReferencedSOPInstanceUID, set));
  };
  const isShowable = (set) => !set.unsupported && hasItsImages(set);
  const firstObjectOf = (set) => set.instances?.[0] ?? set.images?.[0] ?? set.instance ?? set;
  const numberOf = (set) => Number(firstObjectOf(set).InstanceNumber ?? 0);
  const tellParts = () =>
    tell('parts', {
      parts: window.drimboxExamination.series.flatMap((seriesInstanceUid) =>
        partsOf(seriesInstanceUid)
          .filter(isShowable)
          .toSorted((a, b) => numberOf(a) - numberOf(b))
          .map((set) => ({
            seriesInstanceUid,
            partId: set.displaySetInstanceUID,
            sopInstanceUid: firstObjectOf(set).SOPInstanceUID,
            imageCount: set.numImageFrames ?? 0,
          })),
      ),
    });

  const shownSets = () => {
    const { viewportGridService, displaySetService } = window.services;
    // The grid has no state before OHIF's page is there.
    if (displaySetService.getActiveDisplaySets().length === 0) return [];
    const { activeViewportId, viewports } = viewportGridService.getState();
    const ids = viewports.get(activeViewportId)?.displaySetInstanceUIDs ?? [];
    return ids.map((id) => displaySetService.getDisplaySetByUID(id)).filter(Boolean);
  };
  /** What is drawn without Cornerstone: nobody else would tell that it is there. */
  const isDrawnOtherwise = (set) => /\.(dicom-pdf|dicom-sr|dicom-sr-3d)$/.test(set.SOPClassHandlerId ?? '');
  const unreadable = new Set();
  /** Until then what is not there may still come. */
  const areAllRead = () =>
    window.drimboxExamination.series.every((uid) => unreadable.has(uid) || partsOf(uid).length > 0);
  const isNothingToShow = () =>
    areAllRead() && !window.drimboxExamination.series.some((uid) => partsOf(uid).some(isShowable));
  const tellShown = () => {
    const sets = shownSets();
    if (sets.length > 0) {
      tell('shown', {
        series: sets.map((set) => set.SeriesInstanceUID),
        parts: sets.map((set) => set.displaySetInstanceUID),
      });
    }
    const lost = areAllRead() ? sets.find((set) => !isShowable(set)) : undefined;
    if (lost !== undefined || isNothingToShow()) {
      tellReady();
      tell('not-shown', { seriesInstanceUid: lost?.SeriesInstanceUID ?? window.drimboxExamination.series[0] });
    } else if (sets.some(isDrawnOtherwise)) tellReady();
  };
  /** A series that was chosen before OHIF had read it, or its images. */
  let wanted;
  let isLooking = false;
  /** Events come before the state has changed, and several at a time. */
  const lookSoon = () => {
    if (isLooking) return;
    isLooking = true;
    setTimeout(() => {
      isLooking = false;
      if (wanted !== undefined) showSeries(wanted);
      tellShown();
    }, 50);
  };
  const onUnreadable = (seriesInstanceUid) => {
    unreadable.add(seriesInstanceUid);
    if (window.services !== undefined) lookSoon();
  };
  /** OHIF makes its services when it starts; nothing tells when. */
  const watchServices = () => {
    const { displaySetService, viewportGridService } = window.services ?? {};
    if (displaySetService === undefined || viewportGridService === undefined) return setTimeout(watchServices, 100);
    const onSets = () => {
      tellParts();
      lookSoon();
    };
    const { DISPLAY_SETS_ADDED, DISPLAY_SETS_CHANGED } = displaySetService.EVENTS;
    for (const event of [DISPLAY_SETS_ADDED, DISPLAY_SETS_CHANGED]) displaySetService.subscribe(event, onSets);
    const { GRID_STATE_CHANGED, ACTIVE_VIEWPORT_ID_CHANGED } = viewportGridService.EVENTS;
    for (const event of [GRID_STATE_CHANGED, ACTIVE_VIEWPORT_ID_CHANGED])
      viewportGridService.subscribe(event, lookSoon);
    return onSets();
  };
  watchServices();

  const showSeries = (seriesInstanceUid, partId) => {
    const sets = partsOf(seriesInstanceUid).filter(isShowable);
    const displaySet =
      sets.find((set) => set.displaySetInstanceUID === partId) ?? sets.toSorted((a, b) => numberOf(a) - numberOf(b))[0];
    wanted = displaySet === undefined && !areAllRead() ? seriesInstanceUid : undefined;
    if (wanted !== undefined) return undefined;
    if (displaySet === undefined) return tell('not-shown', { seriesInstanceUid });
    window.commandsManager.run('setDisplaySetsForViewports', {
      viewportsToUpdate: [
        {
          viewportId: window.services.viewportGridService.getActiveViewportId(),
          displaySetInstanceUIDs: [displaySet.displaySetInstanceUID],
        },
      ],
    });
    return undefined;
  };
  window.addEventListener('message', ({ source, origin, data }) => {
    if (source !== window.parent || origin !== location.origin || data?.target !== 'drimbox-ohif') return;
    if (data.kind === 'show-series') showSeries(data.seriesInstanceUid, data.partId);
  });
  window.addEventListener('error', ({ message }) => tell('failed', { reason: String(message).slice(0, 200) }));
  tell('started');
})();
