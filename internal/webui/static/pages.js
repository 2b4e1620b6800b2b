// A page that the browser has kept for going back is asked for again: who has signed out
// since then is to see nothing of it.
addEventListener('pageshow', event => { if (event.persisted) location.reload() });
