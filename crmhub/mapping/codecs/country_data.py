"""The countries of ISO 3166-1 as data: codes, the common English name, other names people write.

Codes and official short names: ISO 3166-1 (249 entries), as the ISO Online Browsing Platform and the
tz database's ``iso3166.tab`` list them. The first name of a line is the one that is written into a
CRM. The others are older and longer names, native names of large countries, and slips of the pen that
can mean no other country; a name that could mean two (Congo, Virgin Islands) is not here.
"""

from __future__ import annotations

__all__ = ["COUNTRIES"]

COUNTRIES = """\
AD AND Andorra
AE ARE United Arab Emirates; UAE; U.A.E.; Emirates
AF AFG Afghanistan
AG ATG Antigua and Barbuda
AI AIA Anguilla
AL ALB Albania
AM ARM Armenia
AO AGO Angola
AQ ATA Antarctica
AR ARG Argentina; Argentine Republic; Argentine
AS ASM American Samoa
AT AUT Austria; Österreich
AU AUS Australia; Commonwealth of Australia; Austrailia; Autralia
AW ABW Aruba
AX ALA Åland Islands
AZ AZE Azerbaijan
BA BIH Bosnia and Herzegovina; Bosnia; Bosnia-Herzegovina; Bosnia Herzegovina
BB BRB Barbados
BD BGD Bangladesh
BE BEL Belgium; Belgique; België; Belguim
BF BFA Burkina Faso
BG BGR Bulgaria
BH BHR Bahrain
BI BDI Burundi
BJ BEN Benin
BL BLM Saint Barthélemy; St Barts; Saint Barts
BM BMU Bermuda
BN BRN Brunei; Brunei Darussalam
BO BOL Bolivia; Plurinational State of Bolivia; Bolivia, Plurinational State of
BQ BES Caribbean Netherlands; Bonaire, Sint Eustatius and Saba; Bonaire
BR BRA Brazil; Brasil; Brazill
BS BHS Bahamas; Commonwealth of the Bahamas
BT BTN Bhutan
BV BVT Bouvet Island
BW BWA Botswana
BY BLR Belarus; Byelorussia
BZ BLZ Belize
CA CAN Canada; Cananda; Canda
CC CCK Cocos (Keeling) Islands; Cocos Islands; Keeling Islands
CD COD Democratic Republic of the Congo; Congo, The Democratic Republic of the; Congo, Democratic Republic
  of the; DR Congo; DRC; Congo-Kinshasa; Congo (Kinshasa); Zaire
CF CAF Central African Republic; CAR
CG COG Republic of the Congo; Congo-Brazzaville; Congo (Brazzaville); Congo, Republic of the
CH CHE Switzerland; Swiss Confederation; Switzerland (Confoederatio Helvetica); Schweiz; Suisse; Switzerand;
  Swizerland
CI CIV Côte d'Ivoire; Ivory Coast; Republic of Côte d'Ivoire
CK COK Cook Islands
CL CHL Chile
CM CMR Cameroon
CN CHN China; People's Republic of China; PRC; P.R. China; PR China; Mainland China; China, People's
  Republic of
CO COL Colombia; Columbia; Republic of Colombia
CR CRI Costa Rica
CU CUB Cuba; Republic of Cuba
CV CPV Cape Verde; Cabo Verde
CW CUW Curaçao
CX CXR Christmas Island
CY CYP Cyprus
CZ CZE Czechia; Czech Republic; Czech
DE DEU Germany; Deutschland; Federal Republic of Germany; Germay; Germnay
DJ DJI Djibouti
DK DNK Denmark; Danmark
DM DMA Dominica
DO DOM Dominican Republic; Dominican Rep.
DZ DZA Algeria
EC ECU Ecuador
EE EST Estonia
EG EGY Egypt; Arab Republic of Egypt
EH ESH Western Sahara; Sahrawi Arab Democratic Republic
ER ERI Eritrea
ES ESP Spain; España; Kingdom of Spain
ET ETH Ethiopia
FI FIN Finland; Suomi
FJ FJI Fiji
FK FLK Falkland Islands; Falkland Islands (Malvinas); Malvinas
FM FSM Micronesia; Micronesia, Federated States of; Federated States of Micronesia
FO FRO Faroe Islands; Faeroe Islands; Faroes
FR FRA France; French Republic; Metropolitan France
GA GAB Gabon
GB GBR United Kingdom; UK; U.K.; Great Britain; Britain; England; Scotland; Wales; Northern Ireland; United
  Kingdom of Great Britain and Northern Ireland; United Kindom; Untied Kingdom; United Kingdon
GD GRD Grenada
GE GEO Georgia
GF GUF French Guiana
GG GGY Guernsey
GH GHA Ghana
GI GIB Gibraltar
GL GRL Greenland
GM GMB Gambia; The Gambia; Republic of the Gambia
GN GIN Guinea
GP GLP Guadeloupe
GQ GNQ Equatorial Guinea
GR GRC Greece; Hellas; Hellenic Republic
GS SGS South Georgia and the South Sandwich Islands; South Georgia
GT GTM Guatemala
GU GUM Guam
GW GNB Guinea-Bissau; Guinea Bissau
GY GUY Guyana
HK HKG Hong Kong; Hong Kong SAR; Hong Kong S.A.R.; Hong Kong SAR China; Hong Kong, China; Hongkong
HM HMD Heard Island and McDonald Islands; Heard and McDonald Islands
HN HND Honduras
HR HRV Croatia; Hrvatska
HT HTI Haiti
HU HUN Hungary; Magyarország
ID IDN Indonesia; Indonisia
IE IRL Ireland; Republic of Ireland; Eire; Éire
IL ISR Israel; Isreal; State of Israel
IM IMN Isle of Man
IN IND India; Bharat; Republic of India
IO IOT British Indian Ocean Territory; Chagos Islands
IQ IRQ Iraq
IR IRN Iran; Iran, Islamic Republic of; Islamic Republic of Iran; Iran (Islamic Republic of)
IS ISL Iceland
IT ITA Italy; Italia; Italian Republic
JE JEY Jersey
JM JAM Jamaica
JO JOR Jordan; Hashemite Kingdom of Jordan
JP JPN Japan; Nippon
KE KEN Kenya; Republic of Kenya
KG KGZ Kyrgyzstan; Kyrgyz Republic
KH KHM Cambodia
KI KIR Kiribati
KM COM Comoros
KN KNA Saint Kitts and Nevis; St Kitts; Saint Kitts
KP PRK North Korea; Korea, Democratic People's Republic of; Democratic People's Republic of Korea; DPRK;
  Korea, North; Korea (North); Korea, DPR
KR KOR South Korea; Korea; Korea, Republic of; Republic of Korea; Korea, South; Korea (South); ROK; S.
  Korea; Korea Republic
KW KWT Kuwait
KY CYM Cayman Islands
KZ KAZ Kazakhstan; Kazakstan; Kazahkstan
LA LAO Laos; Lao People's Democratic Republic; Lao PDR; Lao
LB LBN Lebanon; Lebanese Republic
LC LCA Saint Lucia
LI LIE Liechtenstein
LK LKA Sri Lanka; Ceylon
LR LBR Liberia
LS LSO Lesotho
LT LTU Lithuania
LU LUX Luxembourg
LV LVA Latvia
LY LBY Libya; Libyan Arab Jamahiriya; State of Libya
MA MAR Morocco; Kingdom of Morocco; Marocco
MC MCO Monaco
MD MDA Moldova; Moldova, Republic of; Republic of Moldova
ME MNE Montenegro
MF MAF Saint Martin; Saint Martin (French part)
MG MDG Madagascar
MH MHL Marshall Islands
MK MKD North Macedonia; Macedonia; Republic of North Macedonia; FYROM; Macedonia, the former Yugoslav
  Republic of; The former Yugoslav Republic of Macedonia
ML MLI Mali
MM MMR Myanmar; Burma
MN MNG Mongolia
MO MAC Macau; Macao; Macao SAR; Macau SAR; Macao SAR China; Macau SAR China
MP MNP Northern Mariana Islands
MQ MTQ Martinique
MR MRT Mauritania
MS MSR Montserrat
MT MLT Malta
MU MUS Mauritius
MV MDV Maldives
MW MWI Malawi
MX MEX Mexico; México; United Mexican States
MY MYS Malaysia; Malasia; Malayasia
MZ MOZ Mozambique
NA NAM Namibia
NC NCL New Caledonia
NE NER Niger
NF NFK Norfolk Island
NG NGA Nigeria
NI NIC Nicaragua
NL NLD Netherlands; Holland; The Netherlands; Kingdom of the Netherlands; Nederland; Netherland; Netherlads
NO NOR Norway; Norge
NP NPL Nepal
NR NRU Nauru
NU NIU Niue
NZ NZL New Zealand; Aotearoa; New Zeland; New Zealnd
OM OMN Oman
PA PAN Panama; Panamá; Republic of Panama
PE PER Peru; Perú
PF PYF French Polynesia; Tahiti
PG PNG Papua New Guinea
PH PHL Philippines; Philipines; Phillipines; Phillippines; Philippine; Philippnes; Philippins; Republic of
  the Philippines; Pilipinas
PK PAK Pakistan; Islamic Republic of Pakistan
PL POL Poland; Polska
PM SPM Saint Pierre and Miquelon
PN PCN Pitcairn Islands; Pitcairn
PR PRI Puerto Rico
PS PSE Palestine; Palestine, State of; State of Palestine; Palestinian Territory; Palestinian Territories;
  Palestinian Territory, Occupied; Occupied Palestinian Territory
PT PRT Portugal; Portugual
PW PLW Palau
PY PRY Paraguay
QA QAT Qatar
RE REU Réunion; La Réunion
RO ROU Romania; Roumania; Rumania
RS SRB Serbia
RU RUS Russia; Russian Federation; Rusia
RW RWA Rwanda
SA SAU Saudi Arabia; KSA; Kingdom of Saudi Arabia; Saudia Arabia; Saudi
SB SLB Solomon Islands
SC SYC Seychelles
SD SDN Sudan
SE SWE Sweden; Sverige
SG SGP Singapore; Singapure
SH SHN Saint Helena, Ascension and Tristan da Cunha; Saint Helena
SI SVN Slovenia
SJ SJM Svalbard and Jan Mayen; Svalbard
SK SVK Slovakia; Slovak Republic
SL SLE Sierra Leone
SM SMR San Marino
SN SEN Senegal
SO SOM Somalia
SR SUR Suriname
SS SSD South Sudan; South Soudan
ST STP Sao Tome and Principe; São Tomé; São Tomé e Príncipe
SV SLV El Salvador; Salvador
SX SXM Sint Maarten; Sint Maarten (Dutch part); St Maarten
SY SYR Syria; Syrian Arab Republic
SZ SWZ Eswatini; Swaziland
TC TCA Turks and Caicos Islands
TD TCD Chad
TF ATF French Southern Territories; French Southern and Antarctic Lands
TG TGO Togo
TH THA Thailand; Siam; Thialand
TJ TJK Tajikistan
TK TKL Tokelau
TL TLS Timor-Leste; East Timor; Timor Leste
TM TKM Turkmenistan
TN TUN Tunisia
TO TON Tonga
TR TUR Turkey; Türkiye; Turkiye; Republic of Türkiye; Republic of Turkey
TT TTO Trinidad and Tobago
TV TUV Tuvalu
TW TWN Taiwan; Taiwan, Province of China; Taiwan, ROC; Chinese Taipei; Republic of China
TZ TZA Tanzania; Tanzania, United Republic of; United Republic of Tanzania
UA UKR Ukraine; The Ukraine; Ukrain
UG UGA Uganda
UM UMI United States Minor Outlying Islands; U.S. Minor Outlying Islands; US Minor Outlying Islands
US USA United States; U.S.A.; U.S.; United States of America; The United States of America; America; Untied
  States; Unites States; United Sates; United State; Unted States; Unitedstates
UY URY Uruguay
UZ UZB Uzbekistan
VA VAT Vatican City; Holy See; Holy See (Vatican City State); Vatican; Vatican City State
VC VCT Saint Vincent and the Grenadines; Saint Vincent; St Vincent
VE VEN Venezuela; Venezuela, Bolivarian Republic of; Bolivarian Republic of Venezuela; Venezuela (Bolivarian
  Republic of)
VG VGB British Virgin Islands; Virgin Islands, British; Virgin Islands (British); BVI
VI VIR U.S. Virgin Islands; Virgin Islands, U.S.; Virgin Islands (U.S.); United States Virgin Islands; USVI;
  US Virgin Islands
VN VNM Vietnam; Viet Nam; Socialist Republic of Viet Nam
VU VUT Vanuatu
WF WLF Wallis and Futuna
WS WSM Samoa
YE YEM Yemen
YT MYT Mayotte
ZA ZAF South Africa; RSA; Republic of South Africa; S. Africa
ZM ZMB Zambia
ZW ZWE Zimbabwe
"""
"""A line each: alpha-2, alpha-3, names separated by semicolons; an indented line goes on with the last."""
