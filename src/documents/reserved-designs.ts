/** Design documents that belong to the server, by doctype; names without `_design/` (documents 1.23). */
const builtin: Readonly<Record<string, readonly string[]>> = {
  'com.bitwarden.ciphers': ['by-folder-id', 'by-organization-id'],
  'io.cozy.contacts': ['by-me', 'by-groups', 'contacts-by-email'],
  'io.cozy.files': [
    'dir-children',
    'dir-by-path',
    'by-mime-updated-at',
    'with-conflicts',
    'by-sharing-status',
    'by-dir-id-updated-at',
    'disk-usage',
    'not-synchronized-on',
    'referenced-by',
    'referenced-by-sorted-by-datetime',
    'by-parent-type-name',
  ],
  'io.cozy.jobs': ['by-worker-and-state', 'by-trigger-id', 'by-queued-at'],
  'io.cozy.notifications': ['by-source-id'],
  'io.cozy.oauth.clients': ['by-client-name', 'by-notification-platform', 'connected-user-clients'],
  'io.cozy.permissions': ['by-source-and-type'],
  'io.cozy.sessions.logins': ['by-os-browser-ip'],
  'io.cozy.sharings': ['active'],
  'io.cozy.triggers': ['by-worker-and-type'],
}

/** True for an id `_design/NAME` that clients may neither delete nor change in this doctype. */
export function isBuiltinDesign(doctype: string, designId: string): boolean {
  if (!Object.hasOwn(builtin, doctype) || !designId.startsWith('_design/')) return false
  return builtin[doctype]?.includes(designId.slice('_design/'.length)) ?? false
}
