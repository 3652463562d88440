/** What `drimbox help` prints: every command, by what it is for. */
export const helpText = `drimbox — Native DRIMbox for Orthanc

The service
  drimbox serve                          run the sidecar
  drimbox doctor [--json]                check everything and say what to do
  drimbox config check                   read the configuration, list every fault

What needs a person
  drimbox alerts [--all] [--seen N]      open alerts, why and what to do; --seen: an administrator knows
  drimbox queue [--limit N]              orders that wait for the DMP, since when and why
  drimbox archive release [UID…]         try again: these studies, or every one that is held, failed or waiting
  drimbox deletions [--limit N]          what the PACS lost and the DMP still holds, held until somebody confirms
  drimbox deletions confirm UID…|--all   let it be deleted from the DMP
  drimbox pacs                           the database of Orthanc that is recognised, and the doubt about it
  drimbox pacs accept                    the database of now is the right one
  drimbox pacs speed [UID]               how fast the PACS gives a study: first image, megabytes per second
  drimbox pacs speed [UID] --history [--limit N]
                                         the speed tests that were kept, the latest first

The archive
  drimbox archive list [--state STATE] [--limit N]
  drimbox archive show UID               reports, orders, answers and journal of one study
  drimbox archive kos UID --out KOS.dcm  its latest manifest
  drimbox archive status                 figures
  drimbox journal [--study UID] [--since DATE] [--until DATE] [--format text|csv|json] [--out FILE] [--all]
                                         what happened, why and what to do; --all: what is only counted too
  drimbox audit [--from DATE] [--to DATE] [--study UID] [--professional ID] [--subject SUB]
                [--format text|csv|json] [--out FILE]
                                         who asked for which images, and what left; it names people
  drimbox resync [--apply] [--status] [--stop] [--list FILE]
                                         compare every archived manifest with the PACS; --apply: put right what differs

Backup
  drimbox backup OUT                     the whole archive in one file; the service goes on
  drimbox backup verify FILE             read a backup from end to end
  drimbox restore FILE                   into an empty store; the service is stopped

Hand over, take over
  drimbox xdm export OUT.zip [--study UID]…
                                         what the DMP holds, with metadata and signatures, in the national XDM layout
  drimbox xdm import IN.zip [--dry-run]  take over such an archive; what is damaged is refused and told, set by set
  drimbox kos load FILE…                 manifests (KOS) of examinations without report

Single files
  drimbox report read FILE               an HL7 message or a CDA report: what it says, or why it is refused
  drimbox kos read FILE                  a manifest (KOS)
  drimbox kos build FILE --out KOS.dcm   the manifest of the examination that a report names; nothing is sent
          [--study UID]                  which one, when the report names several
  drimbox whitelist verify FILE --ca FILE… [--crl FILE…] [--at TIME]
                                         who signed a whitelist and what it says, or why it is refused

  --config PATH    Orthanc's configuration, file or folder [DRIMBOX_CONFIG, else /etc/orthanc]

Results are JSON on standard output, progress and errors go to standard error.
Exit status: 0 done, 1 refused or failed, 2 wrong command.
`;
