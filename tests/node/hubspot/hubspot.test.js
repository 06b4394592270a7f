// HubSpot's own client for Node works on the simulated HubSpot. See README.md.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Client, Signature } from '@hubspot/api-client';

const CONTACTS = 250;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
let simulator;
let url;
let known;
let hubspot;

before(async () => {
  const python = process.env.PYTHON ?? path.join(root, '.venv/bin/python');
  const rows = `contacts=${CONTACTS},companies=20,deals=30,notes=12,tasks=12,calls=12,meetings=12`;
  const options = ['--port', '0', '--rows', rows, '--set', 'burst=100000', '--admin', '--json'];
  simulator = spawn(python, ['-m', 'crmhub', 'simulate', 'hubspot', ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(readline.createInterface({ input: simulator.stdout }), 'line');
  ({ url, credentials: known } = JSON.parse(line));
  hubspot = client({ accessToken: known.private_app_token });
});

after(() => simulator?.kill());

function client(more) {
  return new Client({ basePath: url, ...more });
}

async function refused(work, code) {
  await assert.rejects(work, (error) => {
    assert.equal(error.code, code);
    return true;
  });
}

test('all pages of objects and activities', async () => {
  const { contacts, companies, deals, objects } = hubspot.crm;
  assert.equal(new Set((await contacts.getAll()).map((one) => one.id)).size, CONTACTS);
  assert.equal((await companies.getAll()).length, 20);
  assert.equal((await deals.getAll()).length, 30);
  for (const area of [objects.notes, objects.tasks, objects.calls, objects.meetings]) {
    assert.equal((await area.basicApi.getPage(100)).results.length, 12);
  }
  const page = await contacts.basicApi.getPage(3, undefined, ['email'], undefined, ['companies']);
  assert.equal(page.results[0].properties.email, 'contact0@example.com');
  assert.equal(page.results[0].associations.companies.results[0].type, 'contact_to_company');
  assert.ok(page.results[0].createdAt instanceof Date);
});

test('one record from creation to the archive', async () => {
  const api = hubspot.crm.companies.basicApi;
  const made = await api.create({ properties: { name: 'Node', city: 'Oslo' }, associations: [] });
  await api.update(made.id, { properties: { city: '' } });
  const found = await api.getById(made.id, ['name', 'city']);
  assert.deepEqual([found.properties.name, found.properties.city], ['Node', null]);
  await refused(api.create({ properties: { no_such: '1' }, associations: [] }), 400);
  await api.archive(made.id);
  await refused(api.getById(made.id), 404);
  assert.equal((await api.getById(made.id, undefined, undefined, undefined, true)).archived, true);
});

test('batches, upserts and what is not there', async () => {
  const { batchApi } = hubspot.crm.contacts;
  const input = (mail, city) => ({ idProperty: 'email', id: mail, properties: { email: mail, city } });
  const first = await batchApi.upsert({ inputs: [input('n1@example.com', 'Rome'), input('n2@example.com', 'Bonn')] });
  assert.deepEqual(first.results.map((one) => one._new ?? one.new), [true, true]);
  const again = await batchApi.upsert({ inputs: [input('n1@example.com', 'Oslo')] });
  assert.equal(again.results[0]._new ?? again.results[0].new, false);
  const ids = first.results.map(({ id }) => ({ id }));
  const read = await batchApi.read({ inputs: [...ids, { id: '5' }], properties: ['city'], propertiesWithHistory: [] });
  assert.equal(read.results.length, 2);
  assert.equal(read.numErrors, 1);
  await batchApi.archive({ inputs: ids });
});

test('searches', async () => {
  const filters = [{ propertyName: 'email', operator: 'EQ', value: 'contact9@example.com' }];
  const request = { filterGroups: [{ filters }], sorts: ['lastmodifieddate'], properties: ['email'], limit: 5, after: '0' };
  const found = await hubspot.crm.contacts.searchApi.doSearch(request);
  assert.equal(found.total, 1);
  assert.equal(found.results[0].properties.email, 'contact9@example.com');
});

test('associations', async () => {
  const { v4 } = hubspot.crm.associations;
  const deal = (await hubspot.crm.deals.basicApi.create({ properties: { dealname: 'N' }, associations: [] })).id;
  const contact = (await hubspot.crm.contacts.basicApi.getPage(1)).results[0].id;
  await v4.basicApi.createDefault('deals', deal, 'contacts', contact);
  const page = await v4.basicApi.getPage('deals', deal, 'contacts');
  assert.deepEqual(page.results.map((one) => one.toObjectId), [contact]);
  assert.equal(page.results[0].associationTypes[0].typeId, 3);
  const read = await v4.batchApi.getPage('deals', 'contacts', { inputs: [{ id: deal }] });
  assert.equal(read.results[0].to[0].toObjectId, contact);
  await v4.basicApi.archive('deals', deal, 'contacts', contact);
  assert.equal((await v4.basicApi.getPage('deals', deal, 'contacts')).results.length, 0);
});

test('definitions, pipelines, owners', async () => {
  const names = (await hubspot.crm.properties.coreApi.getAll('deals')).results.map((one) => one.name);
  assert.ok(names.includes('dealstage'));
  const pipelines = (await hubspot.crm.pipelines.pipelinesApi.getAll('deals')).results;
  assert.equal(pipelines[0].stages.at(-1).metadata.probability, '0.0');
  const owners = (await hubspot.crm.owners.ownersApi.getPage()).results;
  assert.equal(owners[0].email, 'ada.okafor@example.com');
});

test('sign-in by a refresh token, a merge, webhooks and their signature', async () => {
  const { tokensApi } = client({}).oauth;
  const given = [known.client_id, known.client_secret, known.refresh_token];
  const tokens = await tokensApi.create('refresh_token', undefined, undefined, ...given);
  const own = client({ accessToken: tokens.accessToken });
  const hooks = client({ developerApiKey: known.developer_api_key }).webhooks;
  const app = Number(known.app_id);
  const target = { targetUrl: 'https://hooks.example.com/x', throttling: { maxConcurrentRequests: 10 } };
  await hooks.settingsApi.configure(app, target);
  await hooks.subscriptionsApi.create(app, { eventType: 'contact.merge', active: true });
  const make = (firstname) => own.crm.contacts.basicApi.create({ properties: { firstname }, associations: [] });
  const [first, second] = [await make('A'), await make('B')];
  const merged = await own.crm.contacts.basicApi.merge({ primaryObjectId: first.id, objectIdToMerge: second.id });
  assert.equal(merged.properties.hs_merged_object_ids, `${first.id};${second.id}`);
  const { outbox } = await (await fetch(`${url}/_outbox`)).json();
  const { headers, body, url: sent } = outbox.at(-1);
  const valid = Signature.isValid({
    signature: headers['X-HubSpot-Signature-v3'],
    clientSecret: known.client_secret,
    requestBody: body,
    signatureVersion: 'v3',
    method: 'POST',
    url: sent,
    timestamp: Number(headers['X-HubSpot-Request-Timestamp']),
  });
  assert.equal(valid, true);
});

test('it calls again after it was told to wait', async () => {
  await fetch(`${url}/_faults`, { method: 'PUT', body: JSON.stringify(['429@/owners:1x']) });
  const patient = client({ accessToken: known.private_app_token, numberOfApiCallRetries: 3 });
  assert.ok((await patient.crm.owners.ownersApi.getPage()).results.length > 0);
});
