/**
 * Gives OHIF 3.13's buttons that have only a drawing a name for screen readers, takes states away from elements that are no
 * buttons (they stand around the real ones), and makes buttons, for the keyboard too, of the choices of a
 * layout and of the heads of panels. RGAA 7.1, 7.3, 11.9.
 */
(() => {
  const names = {
    'undo-btn': 'Annuler la dernière action',
    'redo-btn': 'Rétablir l’action annulée',
    'MeasurementTools-split-button-secondary': 'Autres outils de mesure',
    'MoreTools-split-button-secondary': 'Autres outils',
    'thumbnail-menu': 'Menu de la série',
    'seriesList-btn': 'Liste des séries',
    'panelMeasurement-btn': 'Mesures',
  };
  const needsName = 'button:not([aria-label]):not([aria-labelledby])';
  const nameButton = (button) => {
    if (button.textContent.trim() !== '' || button.title !== '') return;
    if (button.role === 'switch') {
      button.setAttribute('aria-label', button.parentElement.textContent.trim());
      return;
    }
    const named = '[data-cy]:not([data-cy="undefined-btn"])';
    const known = (button.closest(named) ?? button.querySelector(named))?.dataset.cy;
    if (known !== undefined && names[known] !== undefined) button.setAttribute('aria-label', names[known]);
    else if (button.getAttribute('aria-haspopup') === 'menu') button.setAttribute('aria-label', 'Menu');
    else button.setAttribute('aria-label', 'Options');
  };
  const states = ['aria-haspopup', 'aria-expanded', 'aria-controls'];
  const around = ':is(div, span)[aria-haspopup]:not([role])';
  const layouts = {
    'layout-common-1x1': 'Une vue',
    'layout-common-1x2': 'Deux vues côte à côte',
    'layout-common-2x2': 'Quatre vues',
    'layout-common-2x3': 'Six vues',
  };
  const panels = {
    'side-panel-header-left': 'Liste des séries : ouvrir ou fermer',
    'side-panel-header-right': 'Mesures : ouvrir ou fermer',
  };
  const layoutTile = '[data-radix-popper-content-wrapper] div.cursor-pointer:has(g[id^="layout-"]):not([role])';
  const pressByKey = (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    event.currentTarget.click();
  };
  const makeButton = (element, name) => {
    element.setAttribute('role', 'button');
    element.tabIndex = 0;
    if (name !== undefined) element.setAttribute('aria-label', name);
    element.addEventListener('keydown', pressByKey);
  };
  const makeButtons = () => {
    for (const tile of document.querySelectorAll(layoutTile))
      makeButton(tile, layouts[tile.querySelector('g[id^="layout-common-"]')?.id]);
    for (const header of document.querySelectorAll('div[data-cy^="side-panel-header-"]:not([role])'))
      makeButton(header, panels[header.dataset.cy]);
  };
  // OHIF takes Enter and the space bar for commands of its own, wherever the focus is: no button could be pressed by them.
  const pressed = 'a[href], button, input, select, textarea, [role="button"], [role="switch"], [role^="menuitem"]';
  const keepFromOhif = (event) => {
    if ((event.key === 'Enter' || event.key === ' ') && event.target.closest(pressed)) event.stopPropagation();
  };
  document.addEventListener('DOMContentLoaded', () => document.body.addEventListener('keydown', keepFromOhif));

  const mend = () => {
    makeButtons();
    for (const button of document.querySelectorAll(needsName)) nameButton(button);
    for (const element of document.querySelectorAll(around)) for (const state of states) element.removeAttribute(state);
  };
  let isDue = false;
  const observer = new MutationObserver(() => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      mend();
    }, 250);
  });
  observer.observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['aria-haspopup', 'aria-label'],
  });
})();
