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
    'panelMeasurement-btn': 'Mesures',
    'cine-player-play-pause': 'Lire ou arrêter la boucle',
    'cine-player-close': 'Fermer la lecture',
  };
  const needsName = 'button:not([aria-label]):not([aria-labelledby])';
  const fields = ':is(input, [role="switch"], [role="combobox"])';
  const needsLabel = `${fields}:not([aria-label], [aria-labelledby], [type="hidden"], [placeholder]:not([placeholder=""]))`;
  const isUnlabelled = (field) => !field.labels?.length;
  /** Words around fields and buttons, without what these hold themselves. */
  const plainText = (around) => {
    const words = [];
    const walker = document.createTreeWalker(around, NodeFilter.SHOW_TEXT);
    while (walker.nextNode())
      if (!walker.currentNode.parentElement.closest(`${fields}, button, svg, style`))
        words.push(walker.currentNode.textContent.trim());
    return words.filter(Boolean).join(' ').slice(0, 80);
  };
  /** The words nearest to it; one of several beside the same words has a number. */
  const textBeside = (field) => {
    let around = field.parentElement;
    while (around !== null && !around.matches('[role="dialog"], body')) {
      const text = plainText(around);
      if (text !== '') {
        const alike = [...around.querySelectorAll(needsLabel)].filter(isUnlabelled);
        return alike.length > 1 ? `${text} (${alike.indexOf(field) + 1})` : text;
      }
      around = around.parentElement;
    }
    return 'Choix';
  };
  const nameFields = () => {
    const unnamed = [...document.querySelectorAll(needsLabel)].filter(isUnlabelled);
    const found = unnamed.map((field) => [field, textBeside(field)]);
    for (const [field, name] of found) field.setAttribute('aria-label', name);
  };
  /** Of a number with a button on each side. */
  const nameOfStep = (button) => {
    const steps = [...button.parentElement.querySelectorAll(':scope > button')];
    if (steps.length !== 2 || button.parentElement.querySelector('input') === null) return undefined;
    return steps[0] === button ? 'Diminuer' : 'Augmenter';
  };
  const nameButton = (button) => {
    if (button.textContent.trim() !== '' || button.title !== '') return;
    const named = '[data-cy]:not([data-cy="undefined-btn"])';
    const known = (button.closest(named) ?? button.querySelector(named))?.dataset.cy;
    if (known !== undefined && names[known] !== undefined) button.setAttribute('aria-label', names[known]);
    else if (button.getAttribute('aria-haspopup') === 'menu') button.setAttribute('aria-label', 'Menu');
    else button.setAttribute('aria-label', nameOfStep(button) ?? 'Options');
  };
  const states = ['aria-haspopup', 'aria-expanded', 'aria-controls'];
  const around = ':is(div, span):is([aria-haspopup], [aria-expanded]):has(button):not([role])';

  // What is pressed, and is no button.
  const layouts = {
    'layout-common-1x1': 'Une vue',
    'layout-common-1x2': 'Deux vues côte à côte',
    'layout-common-2x2': 'Quatre vues',
    'layout-common-2x3': 'Six vues',
  };
  const panels = { 'side-panel-header-right': 'Mesures : ouvrir ou fermer' };
  const tile = '[data-radix-popper-content-wrapper] div.cursor-pointer:has(g[id^="layout-"])';
  const pressable = `${tile}, div[data-cy^="side-panel-header-"], div[type="button"]:not(:has(button))`;
  const nameOf = (element) =>
    panels[element.dataset.cy] ?? layouts[element.querySelector('g[id^="layout-common-"]')?.id];
  /** What these images cannot be shown in. */
  const isOff = (element) => element.classList.contains('pointer-events-none');
  const pressByKey = (event) => {
    if (event.target !== event.currentTarget || (event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    if (!isOff(event.currentTarget)) event.currentTarget.click();
  };
  /** React uses an element again for something else. */
  const made = new Set();
  const unmake = (element) => {
    made.delete(element);
    for (const name of ['role', 'tabindex', 'aria-label', 'aria-disabled']) element.removeAttribute(name);
    element.removeEventListener('keydown', pressByKey);
  };
  const makeButton = (element) => {
    made.add(element);
    element.setAttribute('role', 'button');
    element.tabIndex = 0;
    const name = nameOf(element);
    if (name !== undefined) element.setAttribute('aria-label', name);
    element.addEventListener('keydown', pressByKey);
  };
  const makeButtons = () => {
    for (const element of [...made]) if (!element.matches(pressable) || !element.isConnected) unmake(element);
    for (const element of document.querySelectorAll(pressable)) if (!made.has(element)) makeButton(element);
    for (const element of made) element.setAttribute('aria-disabled', String(isOff(element)));
  };
  const nameDialogs = () => {
    for (const dialog of document.querySelectorAll('[role="dialog"]:not([aria-label], [aria-labelledby])'))
      dialog.setAttribute('aria-label', dialog.querySelector(tile) ? 'Disposition des vues' : 'Choix');
  };
  /** Tabs of a panel hear the click inside their button: one by the keyboard is that of the button itself. */
  const passInside = ({ target }) =>
    target.tagName === 'BUTTON' && target.querySelector(':scope > div[data-cy$="-btn"]')?.click();
  document.addEventListener('click', passInside);

  // OHIF takes Enter and the space bar for commands of its own, wherever the focus is: no button could be pressed by them.
  const pressed = 'a[href], button, [role="button"], [role="switch"], [role="option"], [role^="menuitem"]';
  const keepFromOhif = (event) => {
    if ((event.key === 'Enter' || event.key === ' ') && event.target.closest(pressed)) event.stopPropagation();
  };
  document.addEventListener('DOMContentLoaded', () => document.body.addEventListener('keydown', keepFromOhif));

  /** Names of drawings for programmers, which browsers show and readers of screens say. */
  const hushDrawings = () => {
    for (const title of document.querySelectorAll('svg title:not(:empty)'))
      if (/^[\w-]+$/.test(title.textContent.trim())) title.textContent = '';
  };

  const mend = () => {
    hushDrawings();
    makeButtons();
    nameDialogs();
    nameFields();
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
    attributeFilter: ['aria-haspopup', 'aria-expanded', 'aria-label', 'data-cy'],
  });
})();
