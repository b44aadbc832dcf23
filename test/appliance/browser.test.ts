/** The listener in a real browser: its own certificate, refused until somebody trusts it, then pages and JSON over TLS 1.3. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { type ApplianceStage, openStage } from '../support/appliance.ts'
import { hashFor, prefix } from '../support/appliance-client.ts'

const executablePath = process.env['HEARTH_TEST_CHROMIUM'] ?? '/usr/bin/chromium'
const isThere = existsSync(executablePath)
if (!isThere) console.warn(`the appliance's listener in a browser: skipped, there is no ${executablePath}`)

let stage: ApplianceStage
let browser: Browser
let origin = ''

beforeAll(async () => {
  if (!isThere) return
  stage = await openStage({
    prepare: ({ root }) => writeFileSync(join(root, 'etc', 'version.txt'), '1.0.0\n'),
  })
  await stage.appliance.token.setFirst('yourtoken')
  origin = `https://127.0.0.1:${stage.port}`
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync']
  browser = await chromium.launch({ executablePath, args })
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await stage?.close()
})

test.if(isThere)(
  'a browser refuses the certificate that nobody has trusted, and gets pages and JSON when somebody does',
  async () => {
    const strict = await (await browser.newContext()).newPage()
    expect(await strict.goto(`${origin}/docs`).catch(String)).toContain('ERR_CERT_AUTHORITY_INVALID')

    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
    const docs = await page.goto(`${origin}/docs`)
    expect(docs?.status()).toBe(200)
    expect((await docs?.securityDetails())?.protocol).toBe('TLS 1.3')
    expect(await page.title()).toBe('Appliance API')
    expect(await page.locator('table').textContent()).toContain(`${prefix}/version`)

    const version = await page.goto(`${origin}${prefix}/version?hash=${hashFor('yourtoken', 'GET', '/version')}`)
    expect([version?.status(), await version?.json()]).toEqual([200, { version: '1.0.0' }])
    expect((await page.goto(`${origin}${prefix}/version`))?.status()).toBe(403)
  },
  60_000,
)
