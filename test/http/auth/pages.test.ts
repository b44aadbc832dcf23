/** The pages in a real browser: without scripts, on a telephone, in the dark. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { sharedServer, type TestServer } from '../../support/server.ts'

const executablePath = process.env['HEARTH_TEST_CHROMIUM'] ?? '/usr/bin/chromium'
const isThere = existsSync(executablePath)
if (!isThere) console.warn(`pages in a browser: skipped, there is no ${executablePath}`)

let server: TestServer
let browser: Browser
let origin: string
let host: string

beforeAll(async () => {
  if (!isThere) return
  server = await sharedServer()
  const port = new URL(server.url).port
  host = `person.pages.test:${port}`
  origin = `http://${host}`
  const query = new URLSearchParams({ Domain: host, Passphrase: 'a good passphrase', PublicName: 'Ada', Locale: 'fr' })
  const made = await server.fetch(`${server.adminUrl}/instances?${query}`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` },
  })
  expect(made.status).toBe(201)
  browser = await chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP *.pages.test 127.0.0.1',
    ],
  })
}, 60_000)
afterAll(() => browser?.close())

async function telephone(options: { colorScheme?: 'light' | 'dark'; locale?: string } = {}): Promise<Page> {
  const context = await browser.newContext({
    javaScriptEnabled: false,
    viewport: { width: 320, height: 640 },
    colorScheme: options.colorScheme ?? 'light',
    locale: options.locale ?? 'en-GB',
  })
  return context.newPage()
}

const isAsWideAsTheScreen = async (page: Page) => {
  const form = await page.locator('main').boundingBox()
  return form !== null && form.x >= 0 && form.width <= 320
}

test.if(isThere)('a person logs in, sees who they are, and logs out, without scripts on a telephone', async () => {
  const page = await telephone()
  await page.goto(`${origin}/`)
  await page.getByRole('link', { name: 'Log in' }).click()
  expect(page.url()).toBe(`${origin}/auth/login`)
  expect(await page.locator('html').getAttribute('lang')).toBe('en')
  expect(await isAsWideAsTheScreen(page)).toBe(true)
  await page.getByLabel('Passphrase').fill('wrong')
  await page.getByRole('button', { name: 'Log in' }).click()
  expect(await page.getByRole('alert').textContent()).toContain('not right')
  await page.getByLabel('Passphrase').fill('a good passphrase')
  await page.getByRole('button', { name: 'Log in' }).click()
  expect(page.url()).toBe(`${origin}/`)
  expect(await page.getByRole('heading').textContent()).toBe(host)
  expect(await page.getByText('Ada').isVisible()).toBe(true)
  expect(await isAsWideAsTheScreen(page)).toBe(true)
  await page.getByRole('button', { name: 'Log out' }).click()
  expect(page.url()).toBe(`${origin}/auth/login`)
  await page.context().close()
})

test.if(isThere)('in the dark the page is dark, and French where the browser is', async () => {
  const background = async (colorScheme: 'light' | 'dark') => {
    const page = await telephone({ colorScheme, locale: 'fr-FR' })
    await page.goto(`${origin}/auth/login`)
    expect(await page.getByRole('button', { name: 'Se connecter' }).isVisible()).toBe(true)
    const shot = await page.screenshot({ type: 'png' })
    await page.context().close()
    return shot.toString('base64')
  }
  const [light, dark] = [await background('light'), await background('dark')]
  expect(light).not.toBe(dark)
})
