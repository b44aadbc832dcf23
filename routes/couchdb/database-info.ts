import type { Documents } from '../../src/documents/service.ts'
import type { DatabaseInfo } from '../../storage/documents/contract.ts'

/** A database's status as CouchDB prints it (documents 1.3). The tenant's prefix stays inside. */
export function databaseInformation(info: DatabaseInfo, documents: Pick<Documents, 'sequence'>): object {
  return {
    instance_start_time: info.epoch,
    db_name: info.ref.name,
    purge_seq: documents.sequence({ updateSeq: 0n, epoch: info.epoch }),
    update_seq: documents.sequence(info),
    sizes: { file: info.bytes, external: info.bytes, active: info.bytes },
    props: {},
    doc_del_count: info.deletedCount,
    doc_count: info.docCount,
    disk_format_version: 8,
    compact_running: false,
    cluster: { q: 1, n: 1, w: 1, r: 1 },
  }
}
