/**
 * Gives OHIF 3.13's buttons that have only a drawing a name for screen readers, and takes states away from elements that
 * are no buttons (they stand around the real ones). RGAA 7.1, 11.9.
 */
(() => {
  const names = {
    'undo-btn': 'Annuler la dernière action',
    'redo-btn': 'Rétablir l’action annulée',
    'MeasurementTools-split-button-secondary': 'Autres outils de mesure',
    'MoreTools-split-button-secondary': 'Autres outils',
    'side-panel-header-left': 'Liste des séries : ouvrir ou fermer',
    'side-panel-header-right': 'Mesures : ouvrir ou fermer',
    'thumbnail-menu': 'Menu de la série',
  };
  const needsName = 'button:not([aria-label]):not([aria-labelledby])';
  const nameButton = (button) => {
    if (button.textContent.trim() !== '' || button.title !== '') return;
    const known = button.closest('[data-cy]:not([data-cy="undefined-btn"])')?.dataset.cy;
    if (known !== undefined && names[known] !== undefined) button.setAttribute('aria-label', names[known]);
    else if (button.getAttribute('aria-haspopup') === 'menu') button.setAttribute('aria-label', 'Menu');
    else button.setAttribute('aria-label', 'Options');
  };
  const states = ['aria-haspopup', 'aria-expanded', 'aria-controls'];
  const around = ':is(div, span)[aria-haspopup]:not([role])';
  const mend = () => {
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
