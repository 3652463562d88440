import { createRoot } from 'react-dom/client';
import { Application } from './application.tsx';
import { loadDescription } from './load-description.ts';

const pagePath = location.pathname.replace(/\/$/, '');
const firstAnswer = loadDescription(pagePath);

// A page kept by the "back" button shows images of a session that may be over: it shows nothing, and starts anew.
window.addEventListener('pagehide', ({ persisted }) => {
  if (persisted) document.body.hidden = true;
});
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});

const place = document.getElementById('page');
if (place !== null) createRoot(place).render(<Application pagePath={pagePath} firstAnswer={firstAnswer} />);
