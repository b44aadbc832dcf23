/** Updates an appliance in a process of its own, which a failpoint may end: `bun update-child.ts FOLDER PACKAGE`. */
import { copyFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openStage } from '../support/appliance.ts'

const [folder = '', file = ''] = process.argv.slice(2)
const { appliance, close } = await openStage({ folder, keep: true })
const path = join(appliance.places.uploads, 'software_package.enc')
copyFileSync(file, path)
await appliance.update.procedure.reserve()
await appliance.update.begin({ path, size: statSync(path).size })
await appliance.update.procedure.settled()
await close()
