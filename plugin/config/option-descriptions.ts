/** What a key means, for those whose schema does not say it itself. `Hl7.Listeners[]` is the element of a list. */
export const optionDescriptions: Readonly<Record<string, string>> = {
  'Hl7.Listeners': 'MLLP ports; at least one',
  'Hl7.Senders': 'What is agreed with each RIS; a sender that is not listed follows UnknownSenders',
  'Orthanc.Hook': 'The hook that Orthanc loads (orthanc-config/drimbox.py) and this service talk to each other here',
  'Orthanc.Hook.Port': 'Port of the same',
  'Dmp.ConnectTimeoutMs': 'Longest wait for a connection to the DMP',
  'Dmp.MaxAnswerBytes': 'Largest answer read from the DMP',
  'Dmp.Vihf': 'The VIHF: who acts, for which structure, on whose record',
  'Dmp.Vihf.Mode': 'Value of the mode attribute: the structure vouches for the professional',
  'Dmp.Vihf.AuthnContextClass': 'AuthnContextClassRef of the assertion',
  'Dmp.Vihf.Algorithm': 'Signature of the VIHF; the sample a DMP accepted has rsa-sha1',
  'Dmp.Signature': 'The signature document of a submission',
  'Dmp.Signature.Algorithm': 'Signature of the submission; the sample a DMP accepted has rsa-sha1',
  'Dmp.Signature.XadesNamespace': 'Version of XAdES: 1.1.1 or 1.3.2',
  'Dmp.Lps': 'How the software names itself to the DMP',
  'Dmp.Structures': 'Structures that publish, each with its own certificates; at least one',
  'Dmp.SecretConnection.Attribute': 'Name of the SAML attribute',
  'Dmp.SecretConnection.Value': 'Value of the SAML attribute',
  'Publication.ImagesDeadlineHours':
    'Hours a report waits for its images before an alert; they are published all the same when they come later',
  'Publication.StabilitySeconds': 'Seconds without change after which the content of a study is taken as complete',
  'Publication.SweepMinutes': 'Minutes between two looks at waiting and held studies: events may be lost',
  'Publication.AlertAfterFailures': 'Failed attempts in a row after which an alert is raised; the attempts go on',
  'Publication.RetryFirstDelaySeconds': 'Delay before the first new attempt; each further one doubles it',
  'Publication.RetryMaxDelayMinutes': 'Longest delay between two attempts',
  'Publication.AmbiguousDelaySeconds':
    'Seconds after an attempt with unknown outcome during which “no such document” is not believed yet. Assumption: a DMP works no longer on what it received',
  'Publication.DeletionDelayMinutes':
    'Minutes for which the PACS must go on saying that the images of a published study are gone before the DMP is told',
  'Publication.DailyDeletionLimit':
    'Deletions caused by the PACS in 24 hours; further ones wait for `drimbox deletions confirm`',
  'Publication.DailyDeletionPercent':
    'The same, in percent of the published studies; the lower of both holds, and one a day is always allowed',
  'Publication.ParallelLooks': 'Studies looked at at the same time',
  'Publication.DefaultContentType':
    'contentTypeCode of a submission when the patient class (PV1-2) says nothing. Assumption: `07`, external consultation',
  'Trust.Revocation.Ocsp.TimeoutSeconds': 'Longest wait for one answer of the responder',
  'Trust.Psc.Endpoints.IntrospectionUrl': 'Whether a token is active is asked here',
  'Trust.Psc.Endpoints.UserinfoUrl': 'Professions are asked here, where they matter',
  'Trust.Psc.ConnectTimeoutMs': 'Longest wait for a connection to Pro Santé Connect',
  'Trust.Psc.MaxAnswerBytes': 'Largest answer read from Pro Santé Connect',
  'Trust.Psc.MaxTokenBytes': 'Longest token looked at',
  'Trust.Psc.Algorithms': 'Signatures that a token may have',
  'Trust.Psc.CacheEntries': 'Tokens remembered at the same time',
  'Trust.Psc.Binding': 'Whether a token must be bound to the certificate of who sends it',
};
