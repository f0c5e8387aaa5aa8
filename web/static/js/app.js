// Everything a signed-in page does.

import { start as startAssign } from "./assign.js";
import { start as startCard } from "./card.js";
import { start as startCompany } from "./company.js";
import "./customer-fields.js";
import { start as startComposer } from "./composer.js";
import { start as startDesk } from "./desk.js";
import { start as startForms } from "./forms.js";
import { start as startHours } from "./hours.js";
import { start as startKeys } from "./keys.js";
import { start as startLive } from "./live.js";
import { start as startMacroEditor } from "./macro-editor.js";
import { start as startPipeline } from "./pipeline.js";
import { start as startRows } from "./rows.js";
import { start as startReports } from "./reports.js";
import { start as startSearch } from "./search.js";
import { start as startStaff } from "./staff.js";
import { start as startSuggestions } from "./suggestions.js";
import { start as startTransfer } from "./transfer.js";

startDesk();
startAssign();
startCard();
startCompany();
startComposer();
startForms();
startHours();
startRows();
startMacroEditor();
startKeys();
startPipeline();
startReports();
startSearch();
startStaff();
startSuggestions();
startTransfer();
startLive();
