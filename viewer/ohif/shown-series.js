/**
 * Second script of the frame that holds OHIF: which parts OHIF makes of the series, what it shows now, and the wish of the page
 * to see another. What cannot be shown is told, never passed over: the page says of which series the images are.
 *
 * Messages from the page: {target:'drimbox-ohif', kind:'show-series', seriesInstanceUid, partId?}.
 */
(() => {
  const { drimboxExamination: examination, drimboxTell: tell, drimboxTellReady: tellReady } = window;

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
      parts: examination.series.flatMap((seriesInstanceUid) =>
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
  /** What the server did not give, and what it gave without OHIF making anything of it: they will never be there. */
  const unreadable = new Set();
  const empty = new Set();
  const isAbsent = (uid) => unreadable.has(uid) || empty.has(uid);
  /** Until then what is not there may still come. */
  const areAllRead = () => examination.series.every((uid) => isAbsent(uid) || partsOf(uid).length > 0);
  const isNothingToShow = () => areAllRead() && !examination.series.some((uid) => partsOf(uid).some(isShowable));
  /** The series that was chosen last. */
  let chosen = examination.first ?? examination.series[0];
  /** The series to begin with, until it is shown or told of. */
  let opening = examination.first;
  const tellLost = (seriesInstanceUid) => {
    chosen = seriesInstanceUid;
    tellReady();
    tell(unreadable.has(seriesInstanceUid) ? 'unreadable' : 'not-shown', { seriesInstanceUid });
  };
  const tellShown = () => {
    const sets = shownSets();
    if (sets.length > 0) {
      tell('shown', {
        series: sets.map((set) => set.SeriesInstanceUID),
        parts: sets.map((set) => set.displaySetInstanceUID),
      });
    }
    if (sets.some((set) => set.SeriesInstanceUID === opening)) opening = undefined;
    // OHIF shows another in its place: it is told after that, so that nobody takes the one for the other.
    if (isAbsent(opening) && (sets.length > 0 || areAllRead())) {
      const lost = opening;
      opening = undefined;
      return tellLost(lost);
    }
    const lost = areAllRead() ? sets.find((set) => !isShowable(set)) : undefined;
    if (lost !== undefined || isNothingToShow()) tellLost(lost?.SeriesInstanceUID ?? chosen);
    else if (sets.some(isDrawnOtherwise)) tellReady();
    return undefined;
  };
  /** A series that was chosen before OHIF had read it, or its images. */
  let wanted;
  let isLooking = false;
  /** Events come before the state has changed, and several at a time. */
  const lookSoon = () => {
    if (isLooking || window.services === undefined) return;
    isLooking = true;
    setTimeout(() => {
      isLooking = false;
      if (wanted !== undefined) showSeries(wanted.seriesInstanceUid, wanted.partId);
      tellShown();
    }, 50);
  };
  /** So long after its description is here OHIF has made of a series what it will make. */
  const emptyMs = 15_000;
  /** So long the other series wait for the first image. */
  const firstImageMs = 5_000;
  window.drimboxOnMetadata = (seriesInstanceUid, isRead) => {
    if (isRead) {
      if (seriesInstanceUid === opening) setTimeout(() => examination.onFirstImage(), firstImageMs);
      setTimeout(() => {
        if (partsOf(seriesInstanceUid).length > 0) return;
        empty.add(seriesInstanceUid);
        lookSoon();
      }, emptyMs);
      return;
    }
    unreadable.add(seriesInstanceUid);
    if (seriesInstanceUid === opening) examination.onFirstImage();
    lookSoon();
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
    opening = undefined;
    chosen = seriesInstanceUid;
    const sets = partsOf(seriesInstanceUid).filter(isShowable);
    const displaySet =
      sets.find((set) => set.displaySetInstanceUID === partId) ?? sets.toSorted((a, b) => numberOf(a) - numberOf(b))[0];
    const isToCome = displaySet === undefined && !isAbsent(seriesInstanceUid) && !areAllRead();
    wanted = isToCome ? { seriesInstanceUid, partId } : undefined;
    if (isToCome) return tell('waiting', { seriesInstanceUid });
    if (displaySet === undefined) return tellLost(seriesInstanceUid);
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
})();
