"""Which properties records have: those of Pipedrive's API files, recorded here for where these are not."""

from __future__ import annotations

import pytest

from tests.integration.pipedrive_double.conftest import V1, V2, Make

pytestmark = pytest.mark.anyio
COMMON = "id owner_id add_time update_time"
SHAPES = {
    f"{V2}/deals": f"""{COMMON} title creator_user_id value person_id org_id stage_id pipeline_id
        currency archive_time stage_change_time status is_archived is_deleted
        probability lost_reason visible_to close_time won_time lost_time
        local_won_date local_lost_date local_close_date expected_close_date
        label_ids origin origin_id channel channel_id source_lead_id acv arr mrr
        custom_fields""",
    f"{V2}/persons": f"""{COMMON} name first_name last_name org_id emails phones is_deleted
        visible_to label_ids picture_id custom_fields""",
    f"{V2}/organizations": f"""{COMMON} name address is_deleted visible_to label_ids website linkedin
        industry annual_revenue employee_count custom_fields""",
    f"{V2}/activities": f"""{COMMON} subject type creator_user_id is_deleted deal_id lead_id person_id
        org_id project_id due_date due_time duration busy done marked_as_done_time
        location participants conference_meeting_client conference_meeting_url
        conference_meeting_id public_description priority note""",
    f"{V2}/pipelines": "id name order_nr is_deleted is_deal_probability_enabled add_time update_time",
    f"{V2}/stages": """id order_nr name is_deleted deal_probability pipeline_id is_deal_rot_enabled
        days_to_rotten add_time update_time""",
    f"{V1}/notes": """id active_flag add_time content deal lead_id deal_id last_update_user_id
        org_id organization person person_id project_id task_id pinned_to_lead_flag
        pinned_to_deal_flag pinned_to_organization_flag pinned_to_person_flag
        pinned_to_project_flag pinned_to_task_flag update_time user user_id""",
    f"{V1}/users": """id name default_currency locale lang email phone activated last_login
        created modified has_created_company access active_flag timezone_name
        timezone_offset role_id icon_url is_you is_deleted""",
}


@pytest.mark.parametrize("path", SHAPES)
async def test_records_have_the_properties_of_pipedrives_file(make_pipedrive: Make, path: str) -> None:
    _, client = make_pipedrive(rows=4)
    rows = (await client.get(path)).json()["data"]
    assert rows
    for row in rows:
        assert set(row) == set(SHAPES[path].split())


async def test_times_are_rfc_3339_in_v2_and_without_a_zone_in_v1(make_pipedrive: Make) -> None:
    _, client = make_pipedrive(rows=4)
    deal = (await client.get(f"{V2}/deals/1")).json()["data"]
    note = (await client.get(f"{V1}/notes/1")).json()["data"]
    lead = (await client.get(f"{V1}/leads")).json()["data"][0]
    told = (deal["add_time"], note["add_time"], lead["add_time"])
    assert told == ("2023-01-02T08:00:00Z", "2023-01-02 08:00:00", "2023-01-02T08:00:00.000Z")
