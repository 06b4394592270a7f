// The vendor's own client, which shares no code with crmhub, works on the simulated GoHighLevel. See README.md.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { HighLevel, MemorySessionStorage, UserType } from '@gohighlevel/api-client';

const ROWS = 130;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
let simulator;
let url;
let known;
let client;
let locationId;

before(async () => {
  const python = process.env.PYTHON ?? path.join(root, '.venv/bin/python');
  const settings = ['burst=100000', 'webhook_url=https://app.example.com/hooks'].flatMap((one) => ['--set', one]);
  const options = ['--port', '0', '--rows', `${ROWS}`, '--admin', '--json', ...settings];
  simulator = spawn(python, ['-m', 'crmhub', 'simulate', 'gohighlevel', ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(readline.createInterface({ input: simulator.stdout }), 'line');
  ({ url, credentials: known } = JSON.parse(line));
  HighLevel.BASE_URL = url;
  locationId = known.location_id;
  client = new HighLevel({ privateIntegrationToken: known.private_integration_token, logLevel: 'none' });
});

after(() => simulator?.kill());

async function refused(work, status, message) {
  await assert.rejects(work, (error) => {
    assert.equal(error.statusCode, status, error.message);
    assert.match(error.message, message);
    return true;
  });
}

async function admin(method, place, body) {
  const reply = await fetch(`${url}${place}`, { method, body: body && JSON.stringify(body) });
  return reply.json();
}

function app(extra = {}) {
  return new HighLevel({
    clientId: known.client_id,
    clientSecret: known.client_secret,
    sessionStorage: new MemorySessionStorage(),
    logLevel: 'none',
    ...extra,
  });
}

// ── records ─────────────────────────────────────────────────────────────────────────────────────

test('a contact is created, read, changed, found and deleted', async () => {
  const { contact } = await client.contacts.createContact({ locationId, firstName: 'Ada', email: 'ada@node.example.com' });
  assert.equal((await client.contacts.getContact({ contactId: contact.id })).contact.firstName, 'Ada');
  const changed = await client.contacts.updateContact({ contactId: contact.id }, { city: 'Leeds' });
  assert.equal(changed.contact.city, 'Leeds');
  const again = await client.contacts.upsertContact({ locationId, email: 'ADA@node.example.com', state: 'MA' });
  assert.deepEqual([again.new, again.contact.id], [false, contact.id]);
  const found = await client.contacts.getDuplicateContact({ locationId, email: 'ada@node.example.com' });
  assert.equal(found.contact.id, contact.id);
  await refused(() => client.contacts.createContact({ locationId, email: 'ada@node.example.com' }), 400, /duplicated contacts/);
  await client.contacts.deleteContact({ contactId: contact.id });
  await refused(() => client.contacts.getContact({ contactId: contact.id }), 400, /not found/);
});

test('tags, tasks and notes of a contact', async () => {
  const { contact } = await client.contacts.createContact({ locationId, email: 'parts@node.example.com' });
  const contactId = contact.id;
  assert.deepEqual((await client.contacts.addTags({ contactId }, { tags: ['vip'] })).tags, ['vip']);
  const { task } = await client.contacts.createTask({ contactId }, { title: 'Call', dueDate: '2026-02-01T00:00:00Z', completed: false });
  await client.contacts.updateTaskCompleted({ contactId, taskId: task.id }, { completed: true });
  assert.equal((await client.contacts.getAllTasks({ contactId })).tasks[0].completed, true);
  const { note } = await client.contacts.createNote({ contactId }, { body: 'Hello' });
  assert.equal((await client.contacts.getNote({ contactId, id: note.id })).note.body, 'Hello');
  await client.contacts.deleteNote({ contactId, id: note.id });
  assert.deepEqual((await client.contacts.getAllNotes({ contactId })).notes, []);
  await client.contacts.deleteContact({ contactId });
});

test('contacts are searched page by page', async () => {
  const seen = new Set();
  let searchAfter;
  for (;;) {
    const { contacts, total } = await client.contacts.searchContactsAdvanced({ locationId, pageLimit: 50, ...(searchAfter && { searchAfter }) });
    assert.equal(total, ROWS);
    if (contacts.length === 0) break;
    contacts.forEach((one) => seen.add(one.id));
    searchAfter = contacts.at(-1).searchAfter;
  }
  assert.equal(seen.size, ROWS);
});

test('opportunities are created, moved and listed', async () => {
  const { pipelines } = await client.opportunities.getPipelines({ locationId });
  const { contact } = await client.contacts.createContact({ locationId, email: 'deal@node.example.com' });
  const body = { locationId, pipelineId: pipelines[0].id, name: 'Deal', status: 'open', contactId: contact.id, monetaryValue: 12.5 };
  const { opportunity } = await client.opportunities.createOpportunity(body);
  await client.opportunities.updateOpportunityStatus({ id: opportunity.id }, { status: 'won' });
  const read = await client.opportunities.getOpportunity({ id: opportunity.id });
  assert.deepEqual([read.opportunity.status, read.opportunity.monetaryValue], ['won', 12.5]);
  const found = await client.opportunities.searchOpportunity({ locationId, contactId: contact.id });
  assert.deepEqual(found.opportunities.map((one) => one.id), [opportunity.id]);
  const seen = new Set();
  let after = {};
  for (;;) {
    const { opportunities, meta } = await client.opportunities.searchOpportunity({ locationId, limit: 100, ...after });
    if (opportunities.length === 0) break;
    opportunities.forEach((one) => seen.add(one.id));
    after = { startAfter: meta.startAfter, startAfterId: meta.startAfterId };
  }
  assert.equal(seen.size, ROWS + 1);
  await client.contacts.deleteContact({ contactId: contact.id });
});

test('businesses, users, custom fields and calendars', async () => {
  const made = await client.businesses.createBusiness({ locationId, name: 'Node Ltd' });
  assert.equal(made.buiseness.name, 'Node Ltd');
  assert.equal((await client.businesses.getBusiness({ businessId: made.buiseness.id })).business.name, 'Node Ltd');
  await client.businesses.deleteBusiness({ businessId: made.buiseness.id });
  assert.equal((await client.businesses.getBusinessesByLocation({ locationId, limit: '10', skip: '0' })).businesses.length, 10);
  assert.equal((await client.users.getUserByLocation({ locationId })).users.length, 5);
  const { customFields } = await client.locations.getCustomFields({ locationId, model: 'all' });
  assert.ok(customFields.some((one) => one.fieldKey === 'opportunity.segment'));
  const { calendars } = await client.calendars.getCalendars({ locationId });
  const { contact } = await client.contacts.createContact({ locationId, email: 'visit@node.example.com' });
  const booked = await client.calendars.createAppointment({
    locationId,
    calendarId: calendars[0].id,
    contactId: contact.id,
    startTime: '2026-03-01T10:00:00Z',
  });
  assert.equal(booked.endTime, '2026-03-01T10:30:00.000Z');
  assert.equal((await client.contacts.getAppointmentsForContact({ contactId: contact.id })).events.length, 1);
  await client.contacts.deleteContact({ contactId: contact.id });
});

// ── refusals ────────────────────────────────────────────────────────────────────────────────────

test('all that is wrong is told in one message', async () => {
  await refused(() => client.contacts.createContact({ fax: 'x' }), 422, /property fax should not exist, locationId must be a string/);
});

test('another location is out of reach', async () => {
  const stranger = { locationId: known.other_location_id, pageLimit: 1 };
  await refused(() => client.contacts.searchContactsAdvanced(stranger), 403, /does not have access to this location/);
});

test('a limit that is reached is told, and waited for if asked', async () => {
  await admin('PUT', '/_faults', ['429:1x']);
  await assert.rejects(() => client.users.getUserByLocation({ locationId }), (error) => {
    assert.equal(error.statusCode, 429);
    assert.equal(error.code, 'RATE_LIMIT');
    return true;
  });
  const patient = new HighLevel({
    privateIntegrationToken: known.private_integration_token,
    logLevel: 'none',
    rateLimitRetry: { maxRetries: 2, baseDelayMs: 10, maxDelayMs: 50 },
  });
  await admin('PUT', '/_faults', ['429:2x']);
  assert.equal((await patient.users.getUserByLocation({ locationId })).users.length, 5);
});

// ── OAuth ───────────────────────────────────────────────────────────────────────────────────────

test('a user signs in, and a token that has expired is refreshed', async () => {
  const ghl = app();
  const redirect = 'https://app.example.com/callback';
  const address = new URL(ghl.oauth.getAuthorizationUrl(known.client_id, redirect, 'users.readonly contacts.readonly'));
  const sent = await fetch(`${url}${address.pathname}${address.search}`, { redirect: 'manual' });
  const code = new URL(sent.headers.get('location')).searchParams.get('code');
  const tokens = await ghl.oauth.getAccessToken({
    client_id: known.client_id,
    client_secret: known.client_secret,
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirect,
  });
  assert.deepEqual([tokens.userType, tokens.locationId], ['Location', locationId]);
  await ghl.getSessionStorage().setSession(locationId, tokens);
  assert.equal((await ghl.users.getUserByLocation({ locationId })).users.length, 5);
  await admin('PUT', '/_faults', ['expire@/users/:1x']);
  assert.equal((await ghl.users.getUserByLocation({ locationId })).users.length, 5);
  const kept = await ghl.getSessionStorage().getSession(locationId);
  assert.notEqual(kept.refresh_token, tokens.refresh_token);
  await refused(
    () => ghl.oauth.refreshToken(tokens.refresh_token, known.client_id, known.client_secret, 'refresh_token', UserType.Location),
    400,
    /refresh token is invalid/,
  );
});

test('an agency gets a token for one of its locations', async () => {
  const renewed = await app().oauth.refreshToken(
    known.agency_refresh_token,
    known.client_id,
    known.client_secret,
    'refresh_token',
    UserType.Company,
  );
  const agency = app({ agencyAccessToken: renewed.access_token });
  const token = await agency.oauth.getLocationAccessToken({ companyId: known.company_id, locationId: known.other_location_id });
  const other = app({ locationAccessToken: token.access_token });
  const { total } = await other.contacts.searchContactsAdvanced({ locationId: known.other_location_id, pageLimit: 1 });
  assert.equal(total, 0);
  const appId = known.client_id.split('-')[0];
  const { count } = await agency.oauth.getInstalledLocation({ companyId: known.company_id, appId });
  assert.equal(count, 2);
});

// ── webhooks ────────────────────────────────────────────────────────────────────────────────────

test('webhooks are proved by both signatures', async () => {
  await admin('DELETE', '/_outbox');
  const { contact } = await client.contacts.createContact({ locationId, firstName: 'Zoë', email: 'hook@node.example.com' });
  const { outbox } = await admin('GET', '/_outbox');
  const { headers, body } = outbox[0];
  assert.equal(JSON.parse(body).id, contact.id);
  assert.ok(client.webhooks.verifyEd25519Signature(body, headers['x-ghl-signature'], known.webhook_ed25519_key));
  assert.ok(client.webhooks.verifySignature(body, headers['x-wh-signature'], known.webhook_rsa_key));
  assert.ok(!client.webhooks.verifyEd25519Signature(`${body} `, headers['x-ghl-signature'], known.webhook_ed25519_key));
  await client.contacts.deleteContact({ contactId: contact.id });
});
