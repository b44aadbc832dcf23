/** The mails that Hearth writes itself, in English and French. Names and values are those of cozy-stack's templates. */
import type { Block, Letter } from './layout.ts'

/** The value of this name as text; empty when it was not given. */
type Value = (name: string) => string
type Template = (value: Value) => Letter

interface Languages {
  readonly en: Template
  readonly fr: Template
}

const hello = (value: Value) => `Hello${spaced(value('PublicName'))},`
const bonjour = (value: Value) => `Bonjour${spaced(value('PublicName'))},`
const bye = 'See you soon, your Hearth'
const aBientot = 'À bientôt, votre Hearth'
const ifPersists = 'If the problem persists, contact the people who run your server.'
const siPersiste = 'Si le problème persiste, contactez les responsables de votre serveur.'

const templates = {
  archiver: {
    en: (value) => ({
      subject: 'Download your data',
      blocks: [
        hello(value),
        'You asked to get a copy of the whole data we have about you.',
        { text: 'You can download it by clicking on the following link', link: value('ArchiveLink') },
        ...partLinks(value, (n) => `Part ${n}`),
        ...told(value('ExpiresAt'), (date) => `The links work until ${date}.`),
      ],
    }),
    fr: (value) => ({
      subject: 'Téléchargez vos données',
      blocks: [
        bonjour(value),
        'Vous avez demandé une copie de toutes les données que nous avons sur vous.',
        { text: 'Vous pouvez la télécharger en suivant ce lien', link: value('ArchiveLink') },
        ...partLinks(value, (n) => `Partie ${n}`),
        ...told(value('ExpiresAt'), (date) => `Les liens fonctionnent jusqu’au ${date}.`),
      ],
    }),
  },
  export_error: {
    en: (value) => ({
      subject: '⚠ The export of your data has failed',
      blocks: [
        hello(value),
        'The copy of your data that you asked for could not be made. Please ask for it again.',
        ifPersists,
      ],
    }),
    fr: (value) => ({
      subject: '⚠ L’export de vos données a échoué',
      blocks: [
        bonjour(value),
        'La copie de vos données que vous avez demandée n’a pas pu être faite. Veuillez la demander à nouveau.',
        siPersiste,
      ],
    }),
  },
  import_success: {
    en: (value) => ({
      subject: 'Good news! Your data has been successfully imported',
      blocks: [
        hello(value),
        'The import of all your data has succeeded.',
        { text: 'You can now access your data here', link: value('CozyLink') },
        ...told(value('AppsNotInstalled'), notInstalledEn),
        ...told(value('AccountsWithoutSecrets'), lostSecretsEn),
        bye,
      ],
    }),
    fr: (value) => ({
      subject: 'Bonne nouvelle ! Vos données ont bien été importées',
      blocks: [
        bonjour(value),
        'L’import de toutes vos données a réussi.',
        { text: 'Vous pouvez maintenant accéder à vos données ici', link: value('CozyLink') },
        ...told(value('AppsNotInstalled'), notInstalledFr),
        ...told(value('AccountsWithoutSecrets'), lostSecretsFr),
        aBientot,
      ],
    }),
  },
  import_error: {
    en: (value) => ({
      subject: '⚠ The import of your data has failed',
      blocks: [
        hello(value),
        'The import of your data has failed. The archive does not seem to be valid. Nothing was changed here.',
        ...told(value('Reason'), (reason) => `What went wrong: ${reason}`),
        'Please start again from the beginning.',
        ifPersists,
      ],
    }),
    fr: (value) => ({
      subject: '⚠ L’import de vos données a échoué',
      blocks: [
        bonjour(value),
        'L’import de vos données a échoué. L’archive ne semble pas valide. Rien n’a été modifié ici.',
        ...told(value('Reason'), (reason) => `Ce qui s’est passé : ${reason}`),
        'Veuillez recommencer depuis le début.',
        siPersiste,
      ],
    }),
  },
  move_confirm: {
    en: (value) => ({
      subject: 'Would you like to move your data now?',
      blocks: [
        hello(value),
        `A request has been made to move your data from ${value('Source')} to ${value('Target')}.`,
        { text: 'If you request it, click below to start the move', link: value('ConfirmLink') },
        'If you did not ask for this, do nothing.',
      ],
    }),
    fr: (value) => ({
      subject: 'Voulez-vous déménager vos données maintenant ?',
      blocks: [
        bonjour(value),
        `Le déménagement de vos données de ${value('Source')} vers ${value('Target')} a été demandé.`,
        { text: 'Si c’est bien vous, suivez ce lien pour le commencer', link: value('ConfirmLink') },
        'Si vous n’avez rien demandé, ne faites rien.',
      ],
    }),
  },
  move_success: {
    en: (value) => ({
      subject: 'Good news! Your data has moved',
      blocks: [
        hello(value),
        'The move of all your data has succeeded.',
        { text: 'You can now access your data here', link: value('CozyLink') },
        ...told(value('SourceStays'), sourceStaysEn),
        ...told(value('AppsNotInstalled'), notInstalledEn),
        ...told(value('AccountsWithoutSecrets'), lostSecretsEn),
        bye,
      ],
    }),
    fr: (value) => ({
      subject: 'Bonne nouvelle ! Vos données ont déménagé',
      blocks: [
        bonjour(value),
        'Le déménagement de toutes vos données a réussi.',
        { text: 'Vous pouvez maintenant accéder à vos données ici', link: value('CozyLink') },
        ...told(value('SourceStays'), sourceStaysFr),
        ...told(value('AppsNotInstalled'), notInstalledFr),
        ...told(value('AccountsWithoutSecrets'), lostSecretsFr),
        aBientot,
      ],
    }),
  },
  move_error: {
    en: (value) => ({
      subject: '⚠ The move of your data has failed',
      blocks: [
        hello(value),
        'The move of your data has failed. Everything is where it was before.',
        ...told(value('Reason'), (reason) => `What went wrong: ${reason}`),
        'Please start again from the beginning.',
        ifPersists,
      ],
    }),
    fr: (value) => ({
      subject: '⚠ Le déménagement de vos données a échoué',
      blocks: [
        bonjour(value),
        'Le déménagement de vos données a échoué. Tout est resté où c’était.',
        ...told(value('Reason'), (reason) => `Ce qui s’est passé : ${reason}`),
        'Veuillez recommencer depuis le début.',
        siPersiste,
      ],
    }),
  },
  two_factor: {
    en: (value) => ({
      subject: `Your code: ${value('TwoFactorPasscode')}`,
      blocks: [
        hello(value),
        'Somebody who knows your password wants to log in. Enter this code if it is you:',
        value('TwoFactorPasscode'),
        'If it is not you, change your password.',
      ],
    }),
    fr: (value) => ({
      subject: `Votre code : ${value('TwoFactorPasscode')}`,
      blocks: [
        bonjour(value),
        'Quelqu’un qui connaît votre mot de passe veut se connecter. Saisissez ce code si c’est vous :',
        value('TwoFactorPasscode'),
        'Si ce n’est pas vous, changez de mot de passe.',
      ],
    }),
  },
  two_factor_mail_confirmation: {
    en: (value) => ({
      subject: 'Confirm your mail address',
      blocks: [
        hello(value),
        'Enter this code to confirm that codes for logging in can be sent to this address:',
        value('TwoFactorActivationPasscode'),
      ],
    }),
    fr: (value) => ({
      subject: 'Confirmez votre adresse',
      blocks: [
        bonjour(value),
        'Saisissez ce code pour confirmer que les codes de connexion peuvent être envoyés à cette adresse :',
        value('TwoFactorActivationPasscode'),
      ],
    }),
  },
  magic_link: {
    en: (value) => ({
      subject: 'Your link to log in',
      blocks: [hello(value), { text: 'Log in', link: value('MagicLink') }, 'The link works once, for 15 minutes.'],
    }),
    fr: (value) => ({
      subject: 'Votre lien de connexion',
      blocks: [
        bonjour(value),
        { text: 'Se connecter', link: value('MagicLink') },
        'Le lien fonctionne une fois, pendant 15 minutes.',
      ],
    }),
  },
  passphrase_reset: {
    en: (value) => ({
      subject: 'Choose a new password',
      blocks: [
        hello(value),
        'Somebody asked for a new password.',
        { text: 'Choose a new password', link: value('PassphraseResetLink') },
        'If you did not ask for this, do nothing.',
      ],
    }),
    fr: (value) => ({
      subject: 'Choisissez un nouveau mot de passe',
      blocks: [
        bonjour(value),
        'Un nouveau mot de passe a été demandé.',
        { text: 'Choisir un nouveau mot de passe', link: value('PassphraseResetLink') },
        'Si vous n’avez rien demandé, ne faites rien.',
      ],
    }),
  },
  new_connection: {
    en: (value) => ({
      subject: 'A new device logged in',
      blocks: [
        hello(value),
        'Somebody logged in from a device that was not seen before.',
        facts(value, { Time: 'Time', IP: 'Address', Browser: 'Browser', OS: 'System' }),
        'If it was not you, change your password.',
      ],
    }),
    fr: (value) => ({
      subject: 'Un nouvel appareil s’est connecté',
      blocks: [
        bonjour(value),
        'Quelqu’un s’est connecté depuis un appareil inconnu jusqu’ici.',
        facts(value, { Time: 'Heure', IP: 'Adresse', Browser: 'Navigateur', OS: 'Système' }),
        'Si ce n’était pas vous, changez de mot de passe.',
      ],
    }),
  },
  new_registration: {
    en: (value) => ({
      subject: 'A new application is connected',
      blocks: [
        hello(value),
        'You gave an application access to your data.',
        facts(value, { ClientName: 'Application', Time: 'Time' }),
        'If it was not you, change your password.',
      ],
    }),
    fr: (value) => ({
      subject: 'Une nouvelle application est connectée',
      blocks: [
        bonjour(value),
        'Vous avez donné à une application l’accès à vos données.',
        facts(value, { ClientName: 'Application', Time: 'Heure' }),
        'Si ce n’était pas vous, changez de mot de passe.',
      ],
    }),
  },
  notifications_diskquota: {
    en: (value) => ({
      subject: 'Your space is nearly full',
      blocks: [
        hello(value),
        'More than 90 % of your space is used. Files that are in the trash count too.',
        ...link(value('CozyDriveLink'), 'Look at your files'),
      ],
    }),
    fr: (value) => ({
      subject: 'Votre espace est presque plein',
      blocks: [
        bonjour(value),
        'Plus de 90 % de votre espace est utilisé. Les fichiers dans la corbeille comptent aussi.',
        ...link(value('CozyDriveLink'), 'Voir vos fichiers'),
      ],
    }),
  },
  alert_account: {
    en: (value) => ({
      subject: 'An instance could not be deleted',
      blocks: [
        'The accounts of an instance that is being deleted could not be cleaned.',
        facts(value, { Domain: 'Instance', Error: 'Reason' }),
      ],
    }),
    fr: (value) => ({
      subject: 'Une instance n’a pas pu être supprimée',
      blocks: [
        'Les comptes d’une instance en cours de suppression n’ont pas pu être nettoyés.',
        facts(value, { Domain: 'Instance', Error: 'Raison' }),
      ],
    }),
  },
} as const satisfies Readonly<Record<string, Languages>>

export type TemplateName = keyof typeof templates

/** All templates. */
export const templateNames = Object.keys(templates) as [TemplateName, ...TemplateName[]]

/** The mail of a template in the closest available language. Values that are not texts are left out. */
export function writeLetter(name: TemplateName, locale: string, values: Readonly<Record<string, unknown>>): Letter {
  const value = (key: string) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  }
  const languages: Languages = templates[name]
  return languages[languageOf(locale)](value)
}

/** `fr` for every kind of French, else `en`. */
export function languageOf(locale: string): 'en' | 'fr' {
  return /^fr\b/i.test(locale) ? 'fr' : 'en'
}

function spaced(text: string): string {
  return text === '' ? '' : ` ${text}`
}

function told(text: string, sentence: (text: string) => string): Block[] {
  return text === '' ? [] : [sentence(text)]
}

function link(address: string, text: string): Block[] {
  return address === '' ? [] : [{ text, link: address }]
}

/** `PartLinks` is a text with a link in each line. */
function partLinks(value: Value, text: (n: number) => string): Block[] {
  const links = value('PartLinks')
  return links === '' ? [] : links.split('\n').map((address, at) => ({ text: text(at + 1), link: address }))
}

function facts(value: Value, names: Readonly<Record<string, string>>): Block {
  const known = Object.entries(names).map(([key, name]) => [name, value(key)] as const)
  return { facts: known.filter(([, text]) => text !== '') }
}

const notInstalledEn = (apps: string) =>
  `These applications could not be installed again, but their data is there: ${apps}.`
const notInstalledFr = (apps: string) =>
  `Ces applications n’ont pas pu être réinstallées, mais leurs données sont là : ${apps}.`
const lostSecretsEn = (accounts: string) =>
  `The passwords of these accounts could not be read; enter them again: ${accounts}.`
const lostSecretsFr = (accounts: string) =>
  `Les mots de passe de ces comptes n’ont pas pu être lus ; saisissez-les à nouveau : ${accounts}.`
const sourceStaysEn = (source: string) =>
  `The former server could not be told, or did not want to close ${source}: check whether it is still open, and do not use it any more.`
const sourceStaysFr = (source: string) =>
  `L’ancien serveur n’a pas pu être prévenu, ou n’a pas voulu fermer ${source} : vérifiez s’il est encore ouvert, et ne l’utilisez plus.`
