/**
 * The two files of an XDM archive that people read: who made it, with what, and what is in it. All of it comes from the
 * configuration; nothing names a patient.
 *
 * @see IHE ITI TF-2 3.32.4.1.2 (INDEX.HTM, README.TXT) · facts/poc.md 7.2
 */
import { indexFileName, readmeFileName, xdmFileNames } from './xdm-layout.ts';

/** Who exports, and with what. */
export interface XdmSender {
  readonly structures: readonly { readonly id: string; readonly name: string }[];
  readonly software: { readonly name: string; readonly manufacturer: string; readonly version: string };
}

const crlf = '\r\n';

const htmlText = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0) ?? 0};`).replace(/\s+/g, ' ');

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

export const buildReadme = ({ structures, software }: XdmSender): string =>
  [
    'Emetteur :',
    '=============',
    ...structures.map(({ id, name }) => `    . Organisme : ${oneLine(name)} (${oneLine(id)})`),
    '',
    "Application de l'émetteur :",
    '=========================',
    `    . Nom : ${oneLine(software.name)}`,
    `    . Version : ${oneLine(software.version)}`,
    `    . Editeur : ${oneLine(software.manufacturer)}`,
    '',
    'Instructions :',
    '============',
    '. Archive de manifestes d’examens d’imagerie (KOS) publiés dans le DMP, à importer dans une DRIMbox.',
    '. Elle contient des données de santé et des identités : la conserver et la transmettre en conséquence.',
    '',
    'Arborescence (un dossier SS par examen) :',
    '============',
    `     ${readmeFileName}`,
    `     ${indexFileName}`,
    '     IHE_XDM',
    '          SS000001',
    ...Object.values(xdmFileNames).map((name) => `               ${name}`),
    '',
  ].join(crlf);

export const buildIndex = ({ structures, software }: XdmSender): string =>
  [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML Basic 1.1//EN" "http://www.w3.org/TR/xhtml-basic/xhtml-basic11.dtd">',
    '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="fr"><head><title>Archive de manifestes d’imagerie (KOS)</title></head><body>',
    ...structures.map(({ id, name }) => `<p>Emetteur : ${htmlText(name)} (${htmlText(id)})</p>`),
    `<p>Application : ${htmlText(software.name)} ${htmlText(software.version)} (${htmlText(software.manufacturer)})</p>`,
    `<p>Voir le fichier <a href="${readmeFileName}">${readmeFileName}</a></p>`,
    '</body></html>',
    '',
  ].join(crlf);
