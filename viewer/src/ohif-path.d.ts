/** Where OHIF is served, with `/` at both ends: put in by scripts/viewer-setup. */
declare const __OHIF_PATH__: string;
