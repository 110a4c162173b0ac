/** What the randomuser API gives for people of one nationality. In patterns `#` is a digit and `@` a capital letter. */
export interface Nationality {
  readonly country: string
  /** Of faker; the nearest where it has none. */
  readonly locale: string
  readonly titles: { readonly female: readonly string[]; readonly male: readonly string[] }
  /** A pattern where postcodes are text, a range where the API gives numbers. */
  readonly postcode: string | readonly [least: number, most: number]
  readonly phone: string
  readonly cell: string
  readonly id: { readonly name: string; readonly value: string | null }
}

const english = { female: ['Miss', 'Ms', 'Mrs'], male: ['Mr'] }
const french = { female: ['Mademoiselle', 'Madame'], male: ['Monsieur'] }
const fiveDigits = [10_000, 99_999] as const
const fourDigits = [1000, 9999] as const
const noId = { name: '', value: null }

/** The nationalities of version 1.4, by code. */
export const nationalities: { readonly [code: string]: Nationality } = {
  AU: person('Australia', 'en_AU', [200, 9999], '0#-####-####', '04##-###-###', 'TFN', '#########'),
  BR: person('Brazil', 'pt_BR', fiveDigits, '(##) ####-####', '(##) ####-####', 'CPF', '###.###.###-##'),
  CA: person('Canada', 'en_CA', '@#@ #@#', '@## @##-####', '@## @##-####', 'SIN', '#########'),
  CH: {
    ...person('Switzerland', 'de_CH', fourDigits, '07# ### ## ##', '07# ### ## ##', 'AVS', '756.####.####.##'),
    titles: french,
  },
  DE: person('Germany', 'de', fiveDigits, '0###-#######', '017#-#######', 'SVNR', '## ###### @ ###'),
  DK: person('Denmark', 'da', fiveDigits, '########', '########', 'CPR', '######-####'),
  ES: person('Spain', 'es', fiveDigits, '9##-###-###', '6##-###-###', 'DNI', '########-@'),
  FI: person('Finland', 'fi', fiveDigits, '0#-###-###', '04#-###-##-##', 'HETU', '######-###@'),
  FR: person('France', 'fr', fiveDigits, '0#-##-##-##-##', '06-##-##-##-##', 'INSEE', '1############ ##'),
  GB: person('United Kingdom', 'en_GB', '@@# #@@', '01### ######', '07### ######', 'NINO', '@@ ## ## ## @'),
  IE: person('Ireland', 'en_IE', fiveDigits, '0##-###-####', '081-###-####', 'PPS', '#######@'),
  IN: person('India', 'en_IN', fiveDigits, '9#########', '7#########', 'UIDAI', '############'),
  IR: person('Iran', 'fa', fiveDigits, '0##-########', '09##-###-####'),
  MX: person('Mexico', 'es_MX', fiveDigits, '(6##) ### ####', '(6##) ### ####', 'NSS', '## ## ## #### #'),
  NL: person('Netherlands', 'nl', fiveDigits, '(###)-###-####', '(###)-###-####', 'BSN', '########'),
  NO: person('Norway', 'nb_NO', '####', '########', '9#######', 'FN', '###########'),
  NZ: person('New Zealand', 'en_AU', fiveDigits, '(###)-###-####', '(###)-###-####'),
  RS: person('Serbia', 'sr_RS_latin', fiveDigits, '0##-####-###', '06#-####-###', 'SID', '#########'),
  TR: person('Turkey', 'tr', fiveDigits, '(###)-###-####', '(###)-###-####'),
  UA: person('Ukraine', 'uk', fiveDigits, '(06#) @##-####', '(09#) @##-####'),
  US: person('United States', 'en_US', fiveDigits, '(###) ###-####', '(###) ###-####', 'SSN', '###-##-####'),
}

function person(
  country: string,
  locale: string,
  postcode: Nationality['postcode'],
  phone: string,
  cell: string,
  idName?: string,
  idValue?: string,
): Nationality {
  const id = idName && idValue ? { name: idName, value: idValue } : noId
  return { country, locale, titles: english, postcode, phone, cell, id }
}

export const timezones: readonly (readonly [offset: string, description: string])[] = [
  ['-12:00', 'Eniwetok, Kwajalein'],
  ['-11:00', 'Midway Island, Samoa'],
  ['-10:00', 'Hawaii'],
  ['-9:00', 'Alaska'],
  ['-8:00', 'Pacific Time (US & Canada)'],
  ['-7:00', 'Mountain Time (US & Canada)'],
  ['-6:00', 'Central Time (US & Canada), Mexico City'],
  ['-5:00', 'Eastern Time (US & Canada), Bogota, Lima'],
  ['-4:00', 'Atlantic Time (Canada), Caracas, La Paz'],
  ['-3:30', 'Newfoundland'],
  ['-3:00', 'Brazil, Buenos Aires, Georgetown'],
  ['-2:00', 'Mid-Atlantic'],
  ['-1:00', 'Azores, Cape Verde Islands'],
  ['0:00', 'Western Europe Time, London, Lisbon, Casablanca'],
  ['+1:00', 'Brussels, Copenhagen, Madrid, Paris'],
  ['+2:00', 'Kaliningrad, South Africa'],
  ['+3:00', 'Baghdad, Riyadh, Moscow, St. Petersburg'],
  ['+3:30', 'Tehran'],
  ['+4:00', 'Abu Dhabi, Muscat, Baku, Tbilisi'],
  ['+4:30', 'Kabul'],
  ['+5:00', 'Ekaterinburg, Islamabad, Karachi, Tashkent'],
  ['+5:30', 'Bombay, Calcutta, Madras, New Delhi'],
  ['+5:45', 'Kathmandu'],
  ['+6:00', 'Almaty, Dhaka, Colombo'],
  ['+7:00', 'Bangkok, Hanoi, Jakarta'],
  ['+8:00', 'Beijing, Perth, Singapore, Hong Kong'],
  ['+9:00', 'Tokyo, Seoul, Osaka, Sapporo, Yakutsk'],
  ['+9:30', 'Adelaide, Darwin'],
  ['+10:00', 'Eastern Australia, Guam, Vladivostok'],
  ['+11:00', 'Magadan, Solomon Islands, New Caledonia'],
]
