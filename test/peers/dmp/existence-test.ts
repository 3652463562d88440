/** TD0.2: does the patient have a record? @see facts/identity.md 4.6 · facts/spec.md b.4.1 */
import { type Findings, faultCodes } from './findings.ts';
import type { PatientDirectory } from './patient-directory.ts';
import { escapeXml } from './soap-answer.ts';
import type { Patient, Vihf } from './vihf.ts';
import { attributeOf, childrenNamed, isNamed, namespaces, onlyChild, type XmlNode } from './xml-tree.ts';

const dmpOid = '1.2.250.1.213.4.1.1.1';
const hl7 = namespaces.hl7;

export interface ExistenceQuestion {
  readonly patient: Patient;
  readonly message: { readonly root: string; readonly extension: string };
  readonly query: { readonly root: string; readonly extension: string };
  readonly senderOid: string;
}

const idOf = (node: XmlNode | undefined): { root: string; extension: string } => ({
  root: attributeOf(node, 'root'),
  extension: attributeOf(node, 'extension'),
});

export const checkExistenceTest = (content: XmlNode, vihf: Vihf, findings: Findings): ExistenceQuestion | undefined => {
  const act = onlyChild(content, hl7, 'controlActProcess');
  const reason = onlyChild(act, hl7, 'reasonCode');
  const query = onlyChild(act, hl7, 'queryByParameter');
  const parameters = onlyChild(query, hl7, 'parameterList');
  const value = onlyChild(onlyChild(parameters, hl7, 'patientIdentifier'), hl7, 'value');
  const receivers = childrenNamed(content, hl7, 'receiver').map((each) =>
    onlyChild(onlyChild(each, hl7, 'device'), hl7, 'id'),
  );
  const isTest =
    attributeOf(reason, 'code') === 'TEST_EXST' &&
    attributeOf(reason, 'codeSystem') === '1.2.250.1.213.1.1.4.11' &&
    value !== undefined;
  const isForDmp = receivers.length === 1 && attributeOf(receivers[0], 'root') === dmpOid;
  if (!isNamed(content, hl7, 'PRPA_IN201307UV02') || !isTest || !isForDmp) {
    findings.fault('existence/form', faultCodes.invalidRequest, "Requête de test d'existence mal formée");
    return undefined;
  }
  const patient = { ins: attributeOf(value, 'extension'), oid: attributeOf(value, 'root') };
  if (patient.ins !== vihf.patient.ins || patient.oid !== vihf.patient.oid) {
    findings.fault('existence/patient', faultCodes.invalidVihf, "Le patient de la requête n'est pas celui du VIHF");
  }
  const sender = onlyChild(onlyChild(onlyChild(content, hl7, 'sender'), hl7, 'device'), hl7, 'id');
  return {
    patient,
    message: idOf(onlyChild(content, hl7, 'id')),
    query: idOf(onlyChild(query, hl7, 'queryId')),
    senderOid: attributeOf(sender, 'root'),
  };
};

const id = ({ root, extension }: { root: string; extension: string }, name = 'id'): string =>
  `<${name} root="${escapeXml(root)}" extension="${escapeXml(extension)}"/>`;

const device = (role: 'receiver' | 'sender', code: string, oid: string): string =>
  `<${role} typeCode="${code}"><device classCode="DEV" determinerCode="INSTANCE"><id root="${escapeXml(oid)}"/></device></${role}>`;

const subject = (question: ExistenceQuestion, state: 'open' | 'closed'): string =>
  '<subject contextConductionInd="false" typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><statusCode code="completed"/>' +
  `<subject1 typeCode="SBJ"><patient classCode="PAT"><id root="${question.patient.oid}" extension="${question.patient.ins}"/>` +
  `<statusCode code="${state === 'open' ? 'active' : 'terminated'}"/></patient></subject1>` +
  `<custodian typeCode="CST"><assignedEntity classCode="ASSIGNED"><id root="${dmpOid}"/></assignedEntity></custodian>` +
  '</registrationEvent></subject>';

/** The content of the answer's Body. A structure has no authorisation of its own: `AUTORISATION` = VALIDE for a known patient. */
export const buildExistenceAnswer = (
  question: ExistenceQuestion,
  patients: PatientDirectory,
  stamp: { readonly uuid: string; readonly nowMs: number },
): string => {
  const state = patients.stateOf(question.patient);
  const created = new Date(stamp.nowMs).toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const authorization =
    state === 'unknown'
      ? ''
      : '<attentionLine><keyWordText code="AUTORISATION" codeSystem="1.2.250.1.213.4.1.2.6.1"/>' +
        '<value xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CV" code="VALIDE" codeSystem="1.2.250.1.213.4.1.2.6.2"/></attentionLine>';
  return (
    `<PRPA_IN201308UV02 xmlns="${hl7}" ITSVersion="XML_1.0"><id root="${stamp.uuid}"/><creationTime value="${created}"/>` +
    '<interactionId extension="PRPA_IN201308UV02" root="2.16.840.1.113883.1.6"/><processingCode code="P"/>' +
    `<processingModeCode code="T"/><acceptAckCode code="NE"/>${device('receiver', 'RCV', question.senderOid)}${device('sender', 'SND', dmpOid)}` +
    `${authorization}<acknowledgement typeCode="AA"><targetMessage>${id(question.message)}</targetMessage></acknowledgement>` +
    '<controlActProcess classCode="CACT" moodCode="EVN"><reasonCode code="TEST_EXST" codeSystem="1.2.250.1.213.1.1.4.11"/>' +
    `${state === 'unknown' ? '' : subject(question, state)}<queryAck>${id(question.query, 'queryId')}` +
    `<queryResponseCode code="${state === 'unknown' ? 'NF' : 'OK'}"/></queryAck></controlActProcess></PRPA_IN201308UV02>`
  );
};
