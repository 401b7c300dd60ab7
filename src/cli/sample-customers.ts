import type { CreateCustomerDto } from '../customers/customer.dto.js';

/** Names of a language, each with the letters that its e-mail has; and phone numbers that are reserved for fiction. */
interface Culture {
  names: string;
  surnames: string;
  company: (surname: string) => string;
  /** Undefined where no range is reserved. `n` is from 0 to 99. */
  phone?: (n: number) => string;
  notes: string[];
}

const two = (n: number): string => String(n).padStart(2, '0');

// Names in other scripts are written `native/latin`. The phone ranges: NANPA 555-01xx, Ofcom (drama), ACMA, Arcep, BNetzA
// (drama), PTS, ComReg.
const CULTURES: Culture[] = [
  {
    names: 'Ana María|Íñigo|Lucía|Álvaro|Begoña|Joaquín|Núria|Óscar|Pilar|Sebastián|Ximena|Ainhoa',
    surnames: 'de la Cruz|García Núñez|Ibáñez|Muñoz|Peña|Yáñez|Zubiría|Castaño|Güell|del Río|Ordóñez|Saldaña',
    company: (surname) => `${surname} e Hijos`,
    notes: ['Llama por las mañanas.', 'Prefiere el correo.\nNo llamar los viernes.', '¿Renovar en otoño?'],
  },
  {
    names: 'Olivia|Harry|Maeve|Siân|Callum|Zoë|Tunde|Priya|Noah|Imogen|Rhys|Chloë',
    surnames: "O’Brien|Smith-Jones|MacLeod|Ashworth|Okonkwo|Llewellyn|Fitzgerald|Hughes|D'Souza|Whitby|Singh|Li",
    company: (surname) => `${surname} & Sons Ltd`,
    phone: (n) => `+447700900${two(n)}7`,
    notes: ['Asked for the spring catalogue.', 'VIP 🎉\nInvoice by e-mail only.', 'Met at the trade fair.'],
  },
  {
    names: 'Emma|Liam|Ava|Mason|Sofía|Ethan|Nevaeh|Jaden|Amélie|Logan|Mei|Carlos',
    surnames: 'Miller|Nguyen|Washington|Tremblay|Kowalski|Begay|Johansson|Reyes|Bélanger|Carter|Patel|Wu',
    company: (surname) => `${surname} Supply Co.`,
    phone: (n) => `+1202555${String(100 + n).padStart(4, '0')}`,
    notes: ['Ships to two warehouses.', 'Call after 10 a.m. Eastern.', 'Net 30.'],
  },
  {
    names: 'Jürgen|Änne|Björn|Käthe|Sören|Heike|Özlem|Matthias|Gülşah|Lüder|Friederike|Götz',
    surnames: 'Müller|Groß|Weiß|Schröder|von der Heide|Öztürk|Jäger|Köhler|Strauß|zum Felde|Bäcker|Lüdemann',
    company: (surname) => `${surname} GmbH & Co. KG`,
    phone: (n) => `+4930231250${two(n)}`,
    notes: ['Größere Bestellung im März.', 'Rechnung an die Buchhaltung.', 'Straße gesperrt: Lieferung hinten.'],
  },
  {
    names: 'Élodie|François|Maëlle|Zoé|Loïc|Hélène|Anaïs|Théo|Noémie|Jérôme|Ségolène|Yaël',
    surnames: "Lefèvre|d'Arcy|Béranger|Château|Gâtinais|Hébert|L'Hôte|Noël|Pagès|Roussël|du Pré|Ferré",
    company: (surname) => `Établissements ${surname}`,
    phone: (n) => `+3363998${two(n)}${two(99 - n)}`,
    notes: ['À rappeler après les vacances.', 'Devis envoyé.', 'Cliente fidèle ; remise de 5 %.'],
  },
  {
    names: 'Łucja|Stanisław|Żaneta|Zbigniew|Małgorzata|Paweł|Agnieszka|Józef|Świętosława|Michał|Bożena|Grażyna',
    surnames: 'Wójcik|Łoś|Żółkiewska|Dąbrowski|Szymańska|Gołąb|Ćwik|Źrebiec|Kłos|Piątek|Wiśniewska|Król',
    company: (surname) => `${surname} sp. z o.o.`,
    notes: ['Oddział w Łodzi.', 'Faktura do końca miesiąca.', 'Dzwonić po 9:00.'],
  },
  {
    names: 'Åsa|Björn|Elin|Göran|Håkan|Maja|Östen|Sigrid|Søren|Ylva|Aksel|Þórdís',
    surnames: 'Åkesson|Bäckström|Öberg|Lindqvist|Sjögren|Ødegård|Ærø|Holmström|Kjær|Nyström|Sæther|Guðmundsdóttir',
    company: (surname) => `${surname} AB`,
    phone: (n) => `+468465004${two(n)}`,
    notes: ['Vill ha faktura per post.', 'Kontakta i augusti.', 'Ny adress från januari.'],
  },
  {
    names: 'Ağca|Çağla|Deniz|Gökhan|İpek|Işıl|Oğuz|Şule|Ümit|Yiğit|Özge|Tuğba',
    surnames: 'Çelik|Şahin|Yıldız|Güneş|Öz|Kılıç|Doğan|Aydın|Işık|Koç|Ünal|Taşçı',
    company: (surname) => `${surname} Ticaret`,
    notes: ['Öğleden sonra arayın.', 'Yeni depo: İzmir.', 'Teklif bekliyor.'],
  },
  {
    names: 'Олена/olena|Андрій/andrii|Дмитро/dmytro|Наталя/natalia|Юлія/yuliia|Богдан/bohdan|Ірина/iryna|Тарас/taras',
    surnames:
      'Коваленко/kovalenko|Шевчук/shevchuk|Бойко/boiko|Лисенко/lysenko|Мороз/moroz|Ткач/tkach|Гнатюк/hnatiuk|Їжак/yizhak',
    company: (surname) => `ТОВ «${surname}»`,
    notes: ['Телефонувати вранці.', 'Договір до кінця року.', 'Нова адреса у Львові.'],
  },
  {
    names:
      'Ελένη/eleni|Γιώργος/giorgos|Κατερίνα/katerina|Νίκος/nikos|Σοφία/sofia|Δημήτρης/dimitris|Άννα/anna|Ηλίας/ilias',
    surnames:
      'Παπαδάκης/papadakis|Αθανασίου/athanasiou|Βασιλείου/vasileiou|Ιωάννου/ioannou|Λάμπρου/lamprou|Μακρής/makris|Ξένος/xenos|Ράλλης/rallis',
    company: (surname) => `${surname} Α.Ε.`,
    notes: ['Καλέστε το απόγευμα.', 'Παράδοση στη Θεσσαλονίκη.', 'Έκπτωση 10 %.'],
  },
  {
    names: 'ليلى/layla|يوسف/yusuf|مريم/maryam|خالد/khalid|نور/nour|سامي/sami|هند/hind|طارق/tariq',
    surnames:
      'الحداد/haddad|النجار/najjar|الخوري/khoury|منصور/mansour|سليم/salim|العطار/attar|زيدان/zidan|الصباغ/sabbagh',
    company: (surname) => `شركة ${surname} للتجارة`,
    notes: ['الاتصال صباحا.', 'عنوان جديد في بيروت.', 'عميل دائم.'],
  },
  {
    names: 'נועה/noa|איתן/eitan|תמר/tamar|אורי/uri|יעל/yael|דניאל/daniel|שירה/shira|גיל/gil',
    surnames: 'לוי/levi|מזרחי/mizrahi|ברק/barak|שלום/shalom|אלון/alon|גולן/golan|פרץ/peretz|הדר/hadar',
    company: (surname) => `${surname} בע״מ`,
    notes: ['להתקשר אחרי הצהריים.', 'חשבונית בדוא״ל.', 'לקוח חדש.'],
  },
  {
    names: 'आरव/aarav|दीपा/deepa|ईशान/ishaan|काव्या/kavya|मीरा/meera|रोहन/rohan|सीता/sita|विक्रम/vikram',
    surnames: 'शर्मा/sharma|वर्मा/verma|गुप्ता/gupta|जोशी/joshi|मेहता/mehta|राव/rao|सिंह/singh|त्रिपाठी/tripathi',
    company: (surname) => `${surname} एंड संस`,
    notes: ['सुबह फ़ोन करें।', 'नया पता: पुणे।', 'चालान ईमेल से।'],
  },
  {
    names: '小明/xiaoming|美玲/meiling|志强/zhiqiang|雨欣/yuxin|建国/jianguo|静怡/jingyi|子轩/zixuan|秀英/xiuying',
    surnames: '王/wang|李/li|张/zhang|欧阳/ouyang|陈/chen|赵/zhao|林/lin|司马/sima',
    company: (surname) => `${surname}氏贸易有限公司`,
    notes: ['上午联系。', '春节后续约。', '新仓库在苏州。'],
  },
  {
    names: '花子/hanako|太郎/taro|さくら/sakura|健/ken|陽菜/hina|大翔/hiroto|ユキ/yuki|直美/naomi',
    surnames: '佐藤/sato|鈴木/suzuki|高橋/takahashi|田中/tanaka|渡辺/watanabe|小林/kobayashi|斎藤/saito|山田/yamada',
    company: (surname) => `株式会社${surname}商店`,
    notes: ['午前中に電話。', '請求書は郵送。', '展示会で会った。'],
  },
  {
    names: '서연/seoyeon|민준/minjun|지우/jiwoo|하은/haeun|도윤/doyun|수아/sua|현우/hyunwoo|유진/yujin',
    surnames: '김/kim|이/lee|박/park|최/choi|정/jung|강/kang|윤/yoon|한/han',
    company: (surname) => `${surname}상사`,
    notes: ['오전에 연락.', '부산 지점.', '계약 갱신 예정.'],
  },
  {
    names: 'Ánh|Đức|Hương|Khôi|Linh|Mỹ Duyên|Phương|Thảo|Tuấn|Uyên|Việt|Yến',
    surnames: 'Nguyễn|Trần|Lê|Phạm|Đặng|Bùi|Võ|Hồ|Ngô|Dương|Đỗ|Lý',
    company: (surname) => `Công ty ${surname}`,
    notes: ['Gọi buổi sáng.', 'Giao hàng ở Đà Nẵng.', 'Khách hàng mới.'],
  },
  {
    names: 'Adébáyọ̀|Chiamaka|Folákẹ́|Ìbùkún|Ngozi|Olúwaṣeun|Títílayọ̀|Ụzọma|Kwame|Amahle|Thandiwe|Wanjirũ',
    surnames: 'Adéyẹmí|Ọláníyan|Eze|Okafor|Bámgbóṣé|Nwosu|Ògúnṣọlá|Ìdòwú|Mensah|Dlamini|Khumalo|Kamau',
    company: (surname) => `${surname} Trading`,
    notes: ['Deliver to the Lagos office.', 'Prefers messages.', 'Second branch opens in May.'],
  },
];

/** RFC 2606 */
const DOMAINS = ['example.com', 'example.org', 'example.net', 'mail.example.com', 'office.example.net'];

/** An invented customer, always the same for an index; each index has an e-mail of its own. */
export function sampleCustomer(index: number): CreateCustomerDto {
  const random = randomOf(index);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const culture = pick(CULTURES);
  const [name, latinName] = spelled(pick(culture.names.split('|')));
  const [surname, latinSurname] = spelled(pick(culture.surnames.split('|')));
  const email = `${latinName}.${latinSurname}.${index + 1}@${pick(DOMAINS)}`;
  const customer: CreateCustomerDto = { email, name, surname };
  const phone = culture.phone?.(Math.floor(random() * 100));
  if (phone && random() < 0.8) customer.phone = phone;
  if (random() < 0.5) customer.company = culture.company(surname);
  if (random() < 0.4) customer.notes = pick(culture.notes);
  return customer;
}

/** As written, and in the letters of an e-mail. */
function spelled(name: string): [native: string, latin: string] {
  const [native = '', latin = native] = name.split('/');
  return [native, plain(latin)];
}

const FOLDS: Record<string, string> = { ł: 'l', ø: 'o', đ: 'd', ß: 'ss', æ: 'ae', ı: 'i', þ: 'th', ð: 'd' };

const plain = (text: string): string =>
  text
    .toLowerCase()
    .normalize('NFD')
    .replace(/[łøđßæıþð]/g, (letter) => FOLDS[letter]!)
    .replace(/[^a-z]/g, '');

/** Mulberry32: the same numbers for the same seed, everywhere. */
function randomOf(seed: number): () => number {
  let state = (seed * 0x9e3779b1) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
