/**
 * OHIF's settings: one source of images, that of the grant; no list of studies, no upload, no tours, no other source, no
 * settings from the address.
 *
 * @see https://docs.ohif.org/configuration/configurationFiles
 */
(() => {
  const { root, classes, isNarrow } = window.drimboxExamination;
  const source = `${location.origin}${root}`;

  /** Extensions that are loaded only where the examination has what they show: each delays the first image. */
  const classesOfExtension = {
    '@ohif/extension-cornerstone-dicom-sr': /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.88\./,
    '@ohif/extension-cornerstone-dicom-seg': /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.66\.[47]$/,
    '@ohif/extension-cornerstone-dicom-rt': /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.481\.3$/,
    '@ohif/extension-dicom-pdf': /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.104\.1$/,
  };
  const unneeded = Object.entries(classesOfExtension)
    .filter(([, pattern]) => !classes.some((sopClass) => pattern.test(sopClass)))
    .map(([extension]) => extension);
  // Parametric maps: once a segmentation or a contour was shown, OHIF 3.13 shows the images below without the map, and says nothing.
  const leftOut = ['@ohif/extension-cornerstone-dicom-pmap', ...unneeded];
  const isKept = (name) => !leftOut.some((extension) => name.startsWith(`${extension}.`));
  /** A button whose state an extension tells that is not there. */
  const isLabelled = !leftOut.includes('@ohif/extension-cornerstone-dicom-seg');
  /** A phone shows images; there is no room for panels, nor for what needs a mouse. */
  const needsRoom = ['TrackballRotate', 'Capture', 'Crosshairs'];
  /** The scale of an image is not for its readers to change, and elements of DICOM are not for patients. */
  const notForReaders = ['CalibrationLine', 'TagBrowser'];
  const hasButton = (id) =>
    (id !== 'SegmentLabelTool' || isLabelled) && !notForReaders.includes(id) && !(isNarrow && needsRoom.includes(id));

  window.config = {
    name: 'drimbox',
    routerBasename: window.PUBLIC_URL,
    extensions: [],
    modes: [],
    modesConfiguration: {
      '@ohif/mode-basic': {
        extensions: { $unset: leftOut },
        sopClassHandlers: { $apply: (handlers) => handlers.filter(isKept) },
        routes: {
          0: {
            layoutInstance: {
              props: {
                // The page around lists the series.
                leftPanels: { $set: [] },
                rightPanels: {
                  $apply: (panels) => panels.filter((panel) => !isNarrow && panel.endsWith('panelMeasurement')),
                },
                viewports: { $apply: (viewports) => viewports.filter(({ namespace }) => isKept(namespace)) },
              },
            },
          },
        },
      },
    },
    customizationService: {
      global: {
        'ohif.tours': { $set: [] },
        // What has loops or films shows at once how they are played.
        autoCineModalities: { $set: ['US', 'IVUS', 'XA', 'RF', 'ES', 'XC', 'GM', 'NM', 'OT'] },
        // Contours without their images would end OHIF; the page around says that they are not shown.
        missingReferenceDisplaySetHandler: { $set: () => ({ handled: true }) },
        'cornerstone.toolbarButtons': { $apply: (buttons) => buttons.filter(({ id }) => hasButton(id)) },
        'cornerstone.toolbarSections': {
          $apply: (sections) =>
            Object.fromEntries(
              Object.entries(sections).map(([section, ids]) => [
                section,
                Array.isArray(ids) ? ids.filter(hasButton) : ids,
              ]),
            ),
        },
      },
    },
    showStudyList: false,
    showPatientInfo: 'disabled',
    investigationalUseDialog: { option: 'never' },
    showWarningMessageForCrossOrigin: false,
    showCPUFallbackMessage: true,
    showLoadingIndicator: true,
    showErrorDetails: 'dev',
    strictZSpacingForVolumeViewport: true,
    allowMultiSelectExport: false,
    disableConfirmationPrompts: true,
    measurementTrackingMode: 'none',
    maxNumberOfWebWorkers: Math.max(1, Math.min(4, (navigator.hardwareConcurrency ?? 2) - 1)),
    maxNumRequests: { interaction: 20, thumbnail: 4, prefetch: 12 },
    studyPrefetcher: { enabled: false },
    // Every answer passes boot.js, which tells the page of those that matter to it.
    httpErrorHandler: () => undefined,
    whiteLabeling: { createLogoComponentFn: (React) => React.createElement('span') },
    defaultDataSourceName: 'drimbox',
    dataSources: [
      {
        namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
        sourceName: 'drimbox',
        configuration: {
          friendlyName: 'DRIMbox',
          name: 'drimbox',
          qidoRoot: source,
          wadoRoot: source,
          wadoUriRoot: source,
          qidoSupportsIncludeField: false,
          supportsFuzzyMatching: false,
          supportsWildcard: false,
          supportsReject: false,
          dicomUploadEnabled: false,
          enableStudyLazyLoad: true,
          imageRendering: 'wadors',
          thumbnailRendering: 'thumbnail',
          thumbnailRequestStrategy: 'fetch',
          singlepart: 'bulkdata,video,pdf',
          bulkDataURI: { enabled: true, relativeResolution: 'studies' },
          omitQuotationForMultipartRequest: true,
        },
      },
    ],
  };
})();
