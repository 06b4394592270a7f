// Pipedrive's own client for Node works on the simulated Pipedrive. See README.md.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as v1 from 'pipedrive/v1';
import * as v2 from 'pipedrive/v2';

const DEALS = 1200;
const CALLBACK = 'https://app.example.com/callback';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
let simulator;
let url;
let known;
let one;
let two;

before(async () => {
  const python = process.env.PYTHON ?? path.join(root, '.venv/bin/python');
  const rows = `deals=${DEALS},persons=30,organizations=20,activities=10,notes=7,leads=5`;
  const options = ['--port', '0', '--rows', rows, '--set', 'burst=off', '--admin', '--json'];
  simulator = spawn(python, ['-m', 'crmhub', 'simulate', 'pipedrive', ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(readline.createInterface({ input: simulator.stdout }), 'line');
  ({ url, credentials: known } = JSON.parse(line));
  one = new v1.Configuration({ apiKey: known.api_token, basePath: `${url}/v1` });
  two = new v2.Configuration({ apiKey: known.api_token, basePath: `${url}/api/v2` });
});

after(() => simulator?.kill());

async function refused(work, check) {
  await assert.rejects(work, (error) => {
    check(error);
    return true;
  });
}

function app() {
  return new v2.OAuth2Configuration({
    clientId: known.client_id,
    clientSecret: known.client_secret,
    redirectUri: CALLBACK,
    host: url,
  });
}

async function signedIn() {
  const oauth = app();
  const reply = await fetch(oauth.authorizationUrl, { redirect: 'manual' });
  const code = new URL(reply.headers.get('location')).searchParams.get('code');
  const token = await oauth.authorize(code);
  return { oauth, token };
}

// ── signing in ──────────────────────────────────────────────────────────────────────────────────

test('OAuth: a code becomes tokens, and calls go to the address that came with them', async () => {
  const { oauth, token } = await signedIn();
  assert.equal(token.api_domain, url);
  assert.equal(oauth.basePath, `${url}/api/v2`);
  const deals = new v2.DealsApi(new v2.Configuration({ accessToken: oauth.getAccessToken, basePath: oauth.basePath }));
  assert.equal((await deals.getDeals({ limit: 5 })).data.length, 5);
});

test('OAuth: a refreshed token works, a revoked one does not', async () => {
  const { oauth } = await signedIn();
  const first = oauth.accessToken;
  await oauth.tokenRefresh();
  assert.notEqual(oauth.accessToken, first);
  await oauth.revokeToken('refresh_token');
  await refused(oauth.tokenRefresh(), (error) => assert.equal(error.error, 'invalid_grant'));
});

test('a wrong secret and a wrong API token are refused', async () => {
  const oauth = app();
  oauth.clientSecret = 'wrong';
  await refused(oauth.authorize('code'), (error) => assert.equal(error.error, 'invalid_client'));
  const deals = new v2.DealsApi(new v2.Configuration({ apiKey: 'wrong', basePath: `${url}/api/v2` }));
  await refused(deals.getDeals(), (error) => assert.equal(error.errorCode, 401));
});

test('it knows who it is', async () => {
  const me = (await new v1.UsersApi(one).getCurrentUser()).data;
  assert.equal(me.is_you, true);
  assert.equal(typeof me.company_domain, 'string');
  const users = (await new v1.UsersApi(one).getUsers()).data;
  assert.ok(users.some((user) => !user.active_flag));
});

// ── reading ─────────────────────────────────────────────────────────────────────────────────────

test('all deals, page by page', async () => {
  const deals = new v2.DealsApi(two);
  const seen = new Set();
  let cursor;
  let pages = 0;
  do {
    const page = await deals.getDeals({ limit: 500, cursor, sort_by: 'update_time' });
    page.data.forEach((deal) => seen.add(deal.id));
    cursor = page.additional_data.next_cursor;
    pages += 1;
  } while (cursor);
  assert.deepEqual([seen.size, pages], [DEALS, 3]);
});

test('one of each, with what was asked for', async () => {
  const deal = (await new v2.DealsApi(two).getDeal({ id: 7, include_fields: 'activities_count' })).data;
  assert.equal(typeof deal.activities_count, 'number');
  const person = (await new v2.PersonsApi(two).getPerson({ id: 7 })).data;
  assert.equal(person.name, `${person.first_name} ${person.last_name}`);
  assert.equal((await new v2.OrganizationsApi(two).getOrganization({ id: 1 })).data.address.value.length > 0, true);
  assert.equal((await new v2.ActivitiesApi(two).getActivity({ id: 1 })).data.id, 1);
  const stages = (await new v2.StagesApi(two).getStages({ pipeline_id: 1 })).data;
  assert.deepEqual(stages.map((stage) => stage.order_nr), [1, 2, 3, 4, 5]);
});

test('pages of v1', async () => {
  const notes = new v1.NotesApi(one);
  const first = await notes.getNotes({ limit: 4 });
  const { next_start: start } = first.additional_data.pagination;
  const second = await notes.getNotes({ limit: 4, start });
  assert.deepEqual([first.data.length, second.data.length], [4, 3]);
  assert.equal((await new v1.LeadsApi(one).getLeads()).data.length, 5);
  assert.ok((await new v1.ActivityTypesApi(one).getActivityTypes()).data.some((type) => type.key_string === 'call'));
});

test('searches', async () => {
  const person = (await new v2.PersonsApi(two).getPersons({ limit: 9 })).data.find((one) => one.emails.length);
  const found = await new v2.PersonsApi(two).searchPersons({
    term: person.emails[0].value,
    fields: 'email',
    exact_match: true,
  });
  assert.deepEqual(found.data.items.map((hit) => hit.item.id), [person.id]);
  const all = await new v2.ItemSearchApi(two).searchItem({ term: person.last_name, item_types: 'person' });
  assert.ok(all.data.items.length >= 1);
});

// ── writing ─────────────────────────────────────────────────────────────────────────────────────

test('a deal lives: created, changed, won, deleted, listed as deleted', async () => {
  const deals = new v2.DealsApi(two);
  const made = (await deals.addDeal({ AddDealRequest: { title: 'Fernhill', value: 10.5, currency: 'EUR' } })).data;
  const { id } = made;
  assert.equal(made.value, 10.5);
  const won = (await deals.updateDeal({ id, UpdateDealRequest: { status: 'won' } })).data;
  assert.equal(won.won_time, won.close_time);
  assert.deepEqual((await deals.deleteDeal({ id })).data, { id });
  const gone = await deals.getDeals({ status: 'deleted' });
  assert.deepEqual(gone.data.map((deal) => [deal.id, deal.is_deleted]), [[id, true]]);
});

test('a custom field of choices, and a person who has one', async () => {
  const field = (
    await new v2.PersonFieldsApi(two).addPersonField({
      AddPersonFieldRequest: { field_name: 'Tier', field_type: 'enum', options: [{ label: 'A' }, { label: 'B' }] },
    })
  ).data;
  assert.match(field.field_code, /^[0-9a-f]{40}$/);
  const custom = { [field.field_code]: field.options[1].id };
  const person = (
    await new v2.PersonsApi(two).addPerson({
      AddPersonRequest: { name: 'Grace Hopper', emails: [{ value: 'grace@example.com' }], custom_fields: custom },
    })
  ).data;
  assert.equal(person.custom_fields[field.field_code], field.options[1].id);
  assert.equal(person.emails[0].primary, true);
});

test('an activity of a person, a note and a lead', async () => {
  const activity = (
    await new v2.ActivitiesApi(two).addActivity({
      AddActivityRequest: {
        subject: 'Call',
        type: 'call',
        due_date: '2026-12-01',
        due_time: '10:30',
        participants: [{ person_id: 1, primary: true }],
      },
    })
  ).data;
  assert.deepEqual([activity.person_id, activity.due_time], [1, '10:30:00']);
  const note = (await new v1.NotesApi(one).addNote({ AddNoteRequest: { content: 'Hello', person_id: 1 } })).data;
  assert.equal(note.person.name.length > 0, true);
  const changed = await new v1.NotesApi(one).updateNote({ id: note.id, NoteRequest: { content: 'Bye' } });
  assert.equal(changed.data.content, 'Bye');
  const lead = (await new v1.LeadsApi(one).addLead({ AddLeadRequest: { title: 'L', person_id: 1 } })).data;
  assert.match(lead.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual((await new v1.LeadsApi(one).deleteLead({ id: lead.id })).data, { id: lead.id });
});

test('refusals come in the words of each version', async () => {
  await refused(new v2.DealsApi(two).addDeal({ AddDealRequest: { title: 'x', value: '5' } }), (error) =>
    assert.equal(error.code, 'ERR_SCHEMA_VALIDATION_FAILED'),
  );
  await refused(new v1.LeadsApi(one).getLead({ id: 'adf21080-0e10-11eb-879b-05d71fb426ec' }), (error) =>
    assert.equal(error.error_info, 'Object was not found.'),
  );
  await refused(new v2.DealsApi(two).getDeal({ id: 999999 }), (error) => assert.equal(error.success, false));
});

test('a webhook is told of a change', async () => {
  const hooks = new v1.WebhooksApi(one);
  const made = await hooks.addWebhook({
    AddWebhookRequest: {
      subscription_url: 'https://hooks.example.com/in',
      event_action: 'change',
      event_object: 'organization',
      name: 'organizations',
      version: '2.0',
      http_auth_user: 'hub',
      http_auth_password: 'secret',
    },
  });
  assert.equal(made.status, 'ok');
  await new v2.OrganizationsApi(two).updateOrganization({ id: 1, UpdateOrganizationRequest: { name: 'Renamed' } });
  const { outbox } = await (await fetch(`${url}/_outbox`, { method: 'DELETE' })).json();
  assert.deepEqual([outbox.length, outbox[0].body.data.name], [1, 'Renamed']);
  assert.equal((await hooks.deleteWebhook({ id: made.data.id })).status, 'ok');
});
