PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO studies VALUES(1,'1 ablation');
INSERT INTO studies VALUES(2,'2 width');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO version_info VALUES(1,12,'5.0.0');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_directions VALUES(1,'MINIMIZE',1,0);
INSERT INTO study_directions VALUES(2,'MINIMIZE',2,0);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_user_attributes VALUES(1,1,'settings','"{\"epochs\": 2, \"batch\": 16, \"learning_rate\": 0.004, \"final_learning_rate\": 1e-05, \"schedule\": \"cosine\", \"warmup_epochs\": 0.0, \"loss\": \"mse\", \"l2\": 0.0001, \"start_at_mean\": true, \"bn_momentum\": 0.9, \"flip_horizontal\": false, \"flip_vertical\": false, \"zoom\": 0.0, \"rotation_degrees\": 0.0, \"translation\": 0.0, \"precision\": \"float32\", \"reference beta\": 0.0625, \"reference blocks\": [0, 0, 0, 1, 0, 1], \"reference stem_pools\": [false, false], \"reference sex_units\": 32, \"reference fc_units\": 0, \"reference dropout\": 0.0, \"reference channel_multiple\": 1, \"seed\": 0, \"data\": \"539ff5e657f1af6e\", \"space\": {\"variant\": [\"baseline\", \"mixed5=0\", \"mixed9=0\"]}, \"given\": {}, \"objectives\": [\"mae\"]}"');
INSERT INTO study_user_attributes VALUES(2,1,'run_folder','"node7:/runs/demo"');
INSERT INTO study_user_attributes VALUES(3,1,'configurations','"3 of 3 fit 1,100,000 parameters"');
INSERT INTO study_user_attributes VALUES(4,1,'constant_mae','33.308');
INSERT INTO study_user_attributes VALUES(5,1,'synthetic','true');
INSERT INTO study_user_attributes VALUES(6,1,'machines','"AMD EPYC, 2 cores, Linux 6.18.44-fc-v657; Python 3.11.7, tensorflow 2.21.0, keras 3.15.1, optuna 5.0.0, numpy 2.4.6, boneage-search 0.1.0"');
INSERT INTO study_user_attributes VALUES(7,1,'timing','"{\"at\": \"2026-11-25T23:23:24+00:00\", \"seconds_left\": 0.0, \"search_seconds_left\": 37.1, \"epoch_seconds_error\": 0.16934833685638578, \"epoch_seconds_predicted\": 2}"');
INSERT INTO study_user_attributes VALUES(8,1,'turned_away','0');
INSERT INTO study_user_attributes VALUES(9,1,'decision','"{\"summary\": \"no group costs more than 2 months; mixed5 costs most and is taken as the key group\", \"architecture\": {\"beta\": 0.0625, \"blocks\": {\"mixed0\": 0, \"mixed1\": 0, \"mixed4\": 0, \"mixed5\": 1, \"mixed7\": 0, \"mixed9\": 1}, \"stem_pools\": [false, false], \"sex_units\": 32, \"fc_units\": 0, \"dropout\": 0.0}, \"findings\": {\"key_groups\": [\"mixed5\"], \"baseline_mae\": 32.872386052058296, \"cost_months\": {\"mixed5\": -0.083, \"mixed9\": -0.124}, \"not_trainable_without\": [], \"verdicts\": [{\"variant\": \"mixed5=0\", \"verdict\": \"does not matter\", \"change\": -0.0828, \"low\": -0.1947, \"high\": 0.0652, \"p_difference\": 0.266, \"p_equivalence\": 0.0006, \"seeds\": 1, \"scope\": \"these trained models\", \"seeds_to_resolve\": null}, {\"variant\": \"mixed9=0\", \"verdict\": \"does not matter\", \"change\": -0.1238, \"low\": -0.2648, \"high\": 0.0276, \"p_difference\": 0.266, \"p_equivalence\": 0.0006, \"seeds\": 1, \"scope\": \"these trained models\", \"seeds_to_resolve\": null}], \"epochs_saved\": 0, \"warmup_epochs\": 2, \"dropped\": [], \"front\": [{\"trial\": 2, \"variant\": \"mixed9=0\", \"validation_mae\": 32.7486, \"params\": 17754, \"macs\": 1417026}, {\"trial\": 1, \"variant\": \"mixed5=0\", \"validation_mae\": 32.7895, \"params\": 30794, \"macs\": 1199658}]}}"');
INSERT INTO study_user_attributes VALUES(10,1,'summary','"no group costs more than 2 months; mixed5 costs most and is taken as the key group"');
INSERT INTO study_user_attributes VALUES(11,2,'settings','"{\"epochs\": 2, \"batch\": 16, \"learning_rate\": 0.004, \"final_learning_rate\": 1e-05, \"schedule\": \"cosine\", \"warmup_epochs\": 0.0, \"loss\": \"mse\", \"l2\": 0.0001, \"start_at_mean\": true, \"bn_momentum\": 0.9, \"flip_horizontal\": false, \"flip_vertical\": false, \"zoom\": 0.0, \"rotation_degrees\": 0.0, \"translation\": 0.0, \"precision\": \"float32\", \"reference beta\": 0.0625, \"reference blocks\": [0, 0, 0, 1, 0, 1], \"reference stem_pools\": [false, false], \"reference sex_units\": 32, \"reference fc_units\": 0, \"reference dropout\": 0.0, \"reference channel_multiple\": 1, \"seed\": 0, \"data\": \"539ff5e657f1af6e\", \"space\": {\"beta\": [0.0625, 0.0875]}, \"given\": {\"ablation\": {\"summary\": \"no group costs more than 2 months; mixed5 costs most and is taken as the key group\", \"architecture\": {\"beta\": 0.0625, \"blocks\": {\"mixed0\": 0, \"mixed1\": 0, \"mixed4\": 0, \"mixed5\": 1, \"mixed7\": 0, \"mixed9\": 1}, \"stem_pools\": [false, false], \"sex_units\": 32, \"fc_units\": 0, \"dropout\": 0.0}, \"findings\": {\"key_groups\": [\"mixed5\"], \"baseline_mae\": 32.872386052058296, \"cost_months\": {\"mixed5\": -0.083, \"mixed9\": -0.124}, \"not_trainable_without\": [], \"verdicts\": [{\"variant\": \"mixed5=0\", \"verdict\": \"does not matter\", \"change\": -0.0828, \"low\": -0.1947, \"high\": 0.0652, \"p_difference\": 0.266, \"p_equivalence\": 0.0006, \"seeds\": 1, \"scope\": \"these trained models\", \"seeds_to_resolve\": null}, {\"variant\": \"mixed9=0\", \"verdict\": \"does not matter\", \"change\": -0.1238, \"low\": -0.2648, \"high\": 0.0276, \"p_difference\": 0.266, \"p_equivalence\": 0.0006, \"seeds\": 1, \"scope\": \"these trained models\", \"seeds_to_resolve\": null}], \"epochs_saved\": 0, \"warmup_epochs\": 2, \"dropped\": [], \"front\": [{\"trial\": 2, \"variant\": \"mixed9=0\", \"validation_mae\": 32.7486, \"params\": 17754, \"macs\": 1417026}, {\"trial\": 1, \"variant\": \"mixed5=0\", \"validation_mae\": 32.7895, \"params\": 30794, \"macs\": 1199658}]}}}, \"objectives\": [\"mae\"]}"');
INSERT INTO study_user_attributes VALUES(12,2,'run_folder','"node7:/runs/demo"');
INSERT INTO study_user_attributes VALUES(13,2,'configurations','"2 of 2 fit 1,100,000 parameters"');
INSERT INTO study_user_attributes VALUES(14,2,'constant_mae','33.308');
INSERT INTO study_user_attributes VALUES(15,2,'synthetic','true');
INSERT INTO study_user_attributes VALUES(16,2,'machines','"AMD EPYC, 2 cores, Linux 6.18.44-fc-v657; Python 3.11.7, tensorflow 2.21.0, keras 3.15.1, optuna 5.0.0, numpy 2.4.6, boneage-search 0.1.0"');
INSERT INTO study_user_attributes VALUES(17,2,'timing','"{\"at\": \"2026-11-25T23:23:36+00:00\", \"seconds_left\": 8.2, \"search_seconds_left\": 37.1, \"epoch_seconds_error\": 0.16934833685638578, \"epoch_seconds_predicted\": 2}"');
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_system_attributes VALUES(1,1,'study:metric_names','["validation MAE, months"]');
INSERT INTO study_system_attributes VALUES(2,1,'boneage_search:note_ver','2');
INSERT INTO study_system_attributes VALUES(3,1,'dashboard:note_ver','2');
INSERT INTO study_system_attributes VALUES(4,1,'dashboard:note_str:0','"**Which block groups does the network need?**\n\nNo group costs more than 2 months; mixed5 costs most and is taken as the key group.\n\n- mixed5=0: 0.08 months better (95 % interval \u22120.19 to 0.07); does not matter (1 seed; speaks of these trained models).\n- mixed9=0: 0.12 months better (95 % interval \u22120.26 to 0.03); does not matter (1 seed; speaks of these trained models).\n\nAlways answering the training median scores 33.3 months. The cap was 1.1M parameters.\n\nSynthetic phantom images: these figures say nothing about patients.\n\nReport: `report.html` in the run''s folder, which `boneage-search report` makes."');
INSERT INTO study_system_attributes VALUES(5,1,'dashboard:1:note_ver','1');
INSERT INTO study_system_attributes VALUES(6,1,'dashboard:1:note_str:0','"**32.87 months** validation MAE in epoch 1 (always answering the training median: 33.3); training MAE 21.38.\n\nbaseline, seed 0; 38.1k parameters, 0.0017 GMACs.\n\nFiles: `trials/1-ablation/0000`.\n\n![learning_curve.svg](/artifacts/1/1/b2d009ff-9b2e-5dcc-b9ae-6a4e0d735642)\n\n![network.svg](/artifacts/1/1/c9b23c21-3acb-5448-81bb-c3d98cbdc1ee)\n\n![cam_sheet.png](/artifacts/1/1/ded275ec-c8da-594b-b3d4-ac107efc4646)\n\nSynthetic phantom images: these figures say nothing about patients."');
INSERT INTO study_system_attributes VALUES(7,1,'dashboard:3:note_ver','1');
INSERT INTO study_system_attributes VALUES(8,1,'dashboard:3:note_str:0','"**32.75 months** validation MAE in epoch 2 (always answering the training median: 33.3); training MAE 20.89.\n\nmixed9=0, seed 0; 17.8k parameters, 0.0014 GMACs.\n\nFiles: `trials/1-ablation/0002`.\n\n![learning_curve.svg](/artifacts/1/3/64f098f4-268e-5ee0-ad42-51390e6a7e8d)\n\n![network.svg](/artifacts/1/3/d69924bf-2410-550f-a7e5-24ec6310b55e)\n\n![cam_sheet.png](/artifacts/1/3/bee23e32-6859-5bca-9db2-7b952cfd59df)\n\nSynthetic phantom images: these figures say nothing about patients."');
INSERT INTO study_system_attributes VALUES(9,1,'dashboard:2:note_ver','1');
INSERT INTO study_system_attributes VALUES(10,1,'dashboard:2:note_str:0','"**32.79 months** validation MAE in epoch 2 (always answering the training median: 33.3); training MAE 20.99.\n\nmixed5=0, seed 0; 30.8k parameters, 0.0012 GMACs.\n\nFiles: `trials/1-ablation/0001`.\n\n![learning_curve.svg](/artifacts/1/2/403d9585-5ddf-59c5-93b1-b2bc31e4eff0)\n\n![network.svg](/artifacts/1/2/730bbcec-6747-516f-b5ee-2c701c06220b)\n\n![cam_sheet.png](/artifacts/1/2/18eca789-923b-55d8-a02b-9c4430a4ca24)\n\nSynthetic phantom images: these figures say nothing about patients."');
INSERT INTO study_system_attributes VALUES(11,1,'dashboard:plot_data:error-against-params:0','"{\"data\":[{\"hoverinfo\":\"skip\",\"line\":{\"color\":\"#8b929c\",\"shape\":\"hv\",\"width\":1.5},\"mode\":\"lines\",\"name\":\"front\",\"x\":[0.017754,0.030794,0.038094],\"y\":[32.74858210637019,32.74858210637019,32.74858210637019],\"type\":\"scatter\"},{\"hovertemplate\":\"%{text}: %{y:.2f} months, %{x:.3g}\\u003cextra\\u003e\\u003c\\u002fextra\\u003e\",\"marker\":{\"color\":\"#8b929c\",\"size\":11,\"symbol\":[\"circle\",\"circle\",\"circle-open\"]},\"mode\":\"markers\",\"name\":\"ablation\",\"text\":[\"1 ablation #2\",\"1 ablation #1\",\"1 ablation #0\"],\"x\":[0.017754,0.030794,0.038094],\"y\":[32.74858210637019,32.789542564978966,32.872386052058296],\"type\":\"scatter\"},{\"line\":{\"color\":\"#a872c4\",\"dash\":\"dash\",\"width\":1.5},\"mode\":\"lines\",\"name\":\"cap\",\"x\":[null],\"y\":[null],\"type\":\"scatter\"}],\"layout\":{\"margin\":{\"b\":52,\"l\":64,\"r\":16,\"t\":40},\"template\":{\"data\":{\"scatter\":[{\"type\":\"scatter\"}]}},\"legend\":{\"orientation\":\"h\",\"y\":1,\"yanchor\":\"bottom\",\"x\":0,\"traceorder\":\"normal\"},\"shapes\":[{\"line\":{\"color\":\"#a872c4\",\"dash\":\"dash\",\"width\":1.5},\"type\":\"line\",\"x0\":1.1,\"x1\":1.1,\"xref\":\"x\",\"y0\":0,\"y1\":1,\"yref\":\"y domain\"}],\"xaxis\":{\"title\":{\"text\":\"parameters, millions\"},\"type\":\"log\",\"tickvals\":[0.01,0.1,1.0,10.0],\"ticktext\":[\"0.01\",\"0.1\",\"1\",\"10\"],\"zeroline\":false,\"gridcolor\":\"rgba(128,128,128,0.25)\",\"zerolinecolor\":\"rgba(128,128,128,0.25)\"},\"yaxis\":{\"title\":{\"text\":\"validation MAE, months\"},\"zeroline\":false,\"gridcolor\":\"rgba(128,128,128,0.25)\",\"zerolinecolor\":\"rgba(128,128,128,0.25)\"},\"font\":{\"color\":\"#8b929c\"},\"paper_bgcolor\":\"rgba(0,0,0,0)\",\"plot_bgcolor\":\"rgba(0,0,0,0)\"}}"');
INSERT INTO study_system_attributes VALUES(12,1,'dashboard:plot_data:error-against-macs:0','"{\"data\":[{\"hoverinfo\":\"skip\",\"line\":{\"color\":\"#8b929c\",\"shape\":\"hv\",\"width\":1.5},\"mode\":\"lines\",\"name\":\"front\",\"x\":[0.001199658,0.001417026,0.001731954],\"y\":[32.789542564978966,32.74858210637019,32.74858210637019],\"type\":\"scatter\"},{\"hovertemplate\":\"%{text}: %{y:.2f} months, %{x:.3g}\\u003cextra\\u003e\\u003c\\u002fextra\\u003e\",\"marker\":{\"color\":\"#8b929c\",\"size\":11,\"symbol\":[\"circle\",\"circle\",\"circle-open\"]},\"mode\":\"markers\",\"name\":\"ablation\",\"text\":[\"1 ablation #2\",\"1 ablation #1\",\"1 ablation #0\"],\"x\":[0.001417026,0.001199658,0.001731954],\"y\":[32.74858210637019,32.789542564978966,32.872386052058296],\"type\":\"scatter\"}],\"layout\":{\"margin\":{\"b\":52,\"l\":64,\"r\":16,\"t\":40},\"template\":{\"data\":{\"scatter\":[{\"type\":\"scatter\"}]}},\"legend\":{\"orientation\":\"h\",\"y\":1,\"yanchor\":\"bottom\",\"x\":0,\"traceorder\":\"normal\"},\"xaxis\":{\"title\":{\"text\":\"GMACs of one image\"},\"type\":\"log\",\"tickvals\":[0.001,0.002,0.005,0.01,0.02,0.05],\"ticktext\":[\"0.001\",\"0.002\",\"0.005\",\"0.01\",\"0.02\",\"0.05\"],\"zeroline\":false,\"gridcolor\":\"rgba(128,128,128,0.25)\",\"zerolinecolor\":\"rgba(128,128,128,0.25)\"},\"yaxis\":{\"title\":{\"text\":\"validation MAE, months\"},\"zeroline\":false,\"gridcolor\":\"rgba(128,128,128,0.25)\",\"zerolinecolor\":\"rgba(128,128,128,0.25)\"},\"font\":{\"color\":\"#8b929c\"},\"paper_bgcolor\":\"rgba(0,0,0,0)\",\"plot_bgcolor\":\"rgba(0,0,0,0)\"}}"');
INSERT INTO study_system_attributes VALUES(13,1,'dashboard:plot_data:changes:0','"{\"data\":[{\"error_x\":{\"array\":[0.148,0.15139999999999998],\"arrayminus\":[0.11190000000000001,0.141],\"color\":\"#3a83c6\",\"symmetric\":false,\"thickness\":2,\"type\":\"data\",\"width\":4},\"hovertemplate\":\"%{y}: %{x:.2f} months\\u003cextra\\u003e\\u003c\\u002fextra\\u003e\",\"marker\":{\"color\":\"#3a83c6\",\"line\":{\"color\":\"#3a83c6\",\"width\":2},\"size\":11,\"symbol\":\"circle\"},\"mode\":\"markers\",\"name\":\"does not matter\",\"showlegend\":false,\"x\":[-0.0828,-0.1238],\"y\":[\"mixed5=0\\u003cbr\\u003edoes not matter\",\"mixed9=0\\u003cbr\\u003edoes not matter\"],\"type\":\"scatter\"}],\"layout\":{\"margin\":{\"b\":52,\"l\":8,\"r\":16,\"t\":12},\"template\":{\"data\":{\"scatter\":[{\"type\":\"scatter\"}]}},\"legend\":{\"orientation\":\"h\",\"y\":1,\"yanchor\":\"bottom\",\"x\":0,\"traceorder\":\"normal\"},\"shapes\":[{\"fillcolor\":\"#8b929c\",\"layer\":\"below\",\"line\":{\"width\":0},\"opacity\":0.16,\"type\":\"rect\",\"x0\":-2.0,\"x1\":2.0,\"xref\":\"x\",\"y0\":0,\"y1\":1,\"yref\":\"y domain\"},{\"line\":{\"color\":\"#8b929c\",\"width\":1},\"type\":\"line\",\"x0\":0,\"x1\":0,\"xref\":\"x\",\"y0\":0,\"y1\":1,\"yref\":\"y domain\"}],\"xaxis\":{\"title\":{\"text\":\"months worse (left of 0: better)\"},\"zeroline\":false,\"gridcolor\":\"rgba(128,128,128,0.25)\",\"zerolinecolor\":\"rgba(128,128,128,0.25)\"},\"yaxis\":{\"automargin\":true,\"range\":[1.6,-0.6],\"categoryorder\":\"array\",\"categoryarray\":[\"mixed5=0\\u003cbr\\u003edoes not matter\",\"mixed9=0\\u003cbr\\u003edoes not matter\"],\"showgrid\":false,\"ticklabelstandoff\":6,\"gridcolor\":\"rgba(128,128,128,0.25)\",\"zerolinecolor\":\"rgba(128,128,128,0.25)\"},\"font\":{\"color\":\"#8b929c\"},\"paper_bgcolor\":\"rgba(0,0,0,0)\",\"plot_bgcolor\":\"rgba(0,0,0,0)\"}}"');
INSERT INTO study_system_attributes VALUES(14,2,'study:metric_names','["validation MAE, months"]');
INSERT INTO study_system_attributes VALUES(15,2,'boneage_search:note_ver','1');
INSERT INTO study_system_attributes VALUES(16,2,'dashboard:note_ver','1');
INSERT INTO study_system_attributes VALUES(17,2,'dashboard:note_str:0','"**How narrow may the network be, and where does widening stop paying?**\n\nNot decided yet."');
INSERT INTO study_system_attributes VALUES(18,2,'dashboard:4:note_ver','1');
INSERT INTO study_system_attributes VALUES(19,2,'dashboard:4:note_str:0','"**32.87 months** validation MAE in epoch 1 (always answering the training median: 33.3); training MAE 21.38.\n\nbeta=0.0625, seed 0; 38.1k parameters, 0.0017 GMACs.\n\nTaken over from 1 ablation #0.\n\nFiles: `trials/1-ablation/0000`.\n\n![learning_curve.svg](/artifacts/2/4/5d7f2a7d-795a-5e36-8833-af82fcbd4002)\n\n![network.svg](/artifacts/2/4/651133dc-dbc1-50c6-b53e-1467948c8f2f)\n\n![cam_sheet.png](/artifacts/2/4/27674058-744c-56b0-95a2-a744f409009e)\n\nSynthetic phantom images: these figures say nothing about patients."');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO trials VALUES(1,0,1,'COMPLETE','2026-11-25 23:22:52.672414','2026-11-25 23:23:08.341261');
INSERT INTO trials VALUES(2,1,1,'COMPLETE','2026-11-25 23:23:17.348690','2026-11-25 23:23:24.916744');
INSERT INTO trials VALUES(3,2,1,'COMPLETE','2026-11-25 23:23:08.392765','2026-11-25 23:23:17.307574');
INSERT INTO trials VALUES(4,0,2,'COMPLETE','2026-11-25 23:23:35.711913','2026-11-25 23:23:36.332826');
INSERT INTO trials VALUES(5,1,2,'RUNNING','2026-11-25 23:23:36.366677',NULL);
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_user_attributes VALUES(1,1,'beta','0.0625');
INSERT INTO trial_user_attributes VALUES(2,1,'mixed0','0');
INSERT INTO trial_user_attributes VALUES(3,1,'mixed1','0');
INSERT INTO trial_user_attributes VALUES(4,1,'mixed4','0');
INSERT INTO trial_user_attributes VALUES(5,1,'n5','1');
INSERT INTO trial_user_attributes VALUES(6,1,'n7','0');
INSERT INTO trial_user_attributes VALUES(7,1,'n9','1');
INSERT INTO trial_user_attributes VALUES(8,1,'sex_units','32');
INSERT INTO trial_user_attributes VALUES(9,1,'fc_units','0');
INSERT INTO trial_user_attributes VALUES(10,1,'dropout','0.0');
INSERT INTO trial_user_attributes VALUES(11,1,'params','38094');
INSERT INTO trial_user_attributes VALUES(12,1,'params_m','0.038');
INSERT INTO trial_user_attributes VALUES(13,1,'macs','1731954');
INSERT INTO trial_user_attributes VALUES(14,1,'gmacs','0.0017');
INSERT INTO trial_user_attributes VALUES(15,1,'gap_channels','128');
INSERT INTO trial_user_attributes VALUES(16,1,'seed','0');
INSERT INTO trial_user_attributes VALUES(17,1,'network','"ba13fe1fffd5489d"');
INSERT INTO trial_user_attributes VALUES(18,1,'folder','"1-ablation/0000"');
INSERT INTO trial_user_attributes VALUES(19,1,'best_epoch','1');
INSERT INTO trial_user_attributes VALUES(20,1,'train_mae','21.3783');
INSERT INTO trial_user_attributes VALUES(21,1,'final_train_mae','20.7952');
INSERT INTO trial_user_attributes VALUES(22,1,'final_validation_mae','32.9083');
INSERT INTO trial_user_attributes VALUES(23,1,'train_mae_by_epoch','"21.3783,20.7952"');
INSERT INTO trial_user_attributes VALUES(24,1,'seconds','5.9');
INSERT INTO trial_user_attributes VALUES(25,1,'workers','1');
INSERT INTO trial_user_attributes VALUES(26,1,'images_per_second','133.8');
INSERT INTO trial_user_attributes VALUES(27,1,'peak_memory_mb','401');
INSERT INTO trial_user_attributes VALUES(28,1,'conditions','"CPU, float32, batch 16"');
INSERT INTO trial_user_attributes VALUES(29,1,'exit_reason','"completed"');
INSERT INTO trial_user_attributes VALUES(30,3,'beta','0.0625');
INSERT INTO trial_user_attributes VALUES(31,3,'mixed0','0');
INSERT INTO trial_user_attributes VALUES(32,3,'mixed1','0');
INSERT INTO trial_user_attributes VALUES(33,3,'mixed4','0');
INSERT INTO trial_user_attributes VALUES(34,3,'n5','1');
INSERT INTO trial_user_attributes VALUES(35,3,'n7','0');
INSERT INTO trial_user_attributes VALUES(36,3,'n9','0');
INSERT INTO trial_user_attributes VALUES(37,3,'sex_units','32');
INSERT INTO trial_user_attributes VALUES(38,3,'fc_units','0');
INSERT INTO trial_user_attributes VALUES(39,3,'dropout','0.0');
INSERT INTO trial_user_attributes VALUES(40,3,'params','17754');
INSERT INTO trial_user_attributes VALUES(41,3,'params_m','0.018');
INSERT INTO trial_user_attributes VALUES(42,3,'macs','1417026');
INSERT INTO trial_user_attributes VALUES(43,3,'gmacs','0.0014');
INSERT INTO trial_user_attributes VALUES(44,3,'gap_channels','80');
INSERT INTO trial_user_attributes VALUES(45,3,'seed','0');
INSERT INTO trial_user_attributes VALUES(46,3,'network','"405c220edc8d36fd"');
INSERT INTO trial_user_attributes VALUES(47,3,'folder','"1-ablation/0002"');
INSERT INTO trial_user_attributes VALUES(48,3,'best_epoch','2');
INSERT INTO trial_user_attributes VALUES(49,3,'train_mae','20.8877');
INSERT INTO trial_user_attributes VALUES(50,3,'final_train_mae','20.8877');
INSERT INTO trial_user_attributes VALUES(51,3,'final_validation_mae','32.7486');
INSERT INTO trial_user_attributes VALUES(52,3,'train_mae_by_epoch','"21.3762,20.8877"');
INSERT INTO trial_user_attributes VALUES(53,3,'seconds','5.9');
INSERT INTO trial_user_attributes VALUES(54,3,'workers','1');
INSERT INTO trial_user_attributes VALUES(55,3,'images_per_second','105.0');
INSERT INTO trial_user_attributes VALUES(56,3,'peak_memory_mb','390');
INSERT INTO trial_user_attributes VALUES(57,3,'conditions','"CPU, float32, batch 16"');
INSERT INTO trial_user_attributes VALUES(58,3,'exit_reason','"completed"');
INSERT INTO trial_user_attributes VALUES(59,2,'beta','0.0625');
INSERT INTO trial_user_attributes VALUES(60,2,'mixed0','0');
INSERT INTO trial_user_attributes VALUES(61,2,'mixed1','0');
INSERT INTO trial_user_attributes VALUES(62,2,'mixed4','0');
INSERT INTO trial_user_attributes VALUES(63,2,'n5','0');
INSERT INTO trial_user_attributes VALUES(64,2,'n7','0');
INSERT INTO trial_user_attributes VALUES(65,2,'n9','1');
INSERT INTO trial_user_attributes VALUES(66,2,'sex_units','32');
INSERT INTO trial_user_attributes VALUES(67,2,'fc_units','0');
INSERT INTO trial_user_attributes VALUES(68,2,'dropout','0.0');
INSERT INTO trial_user_attributes VALUES(69,2,'params','30794');
INSERT INTO trial_user_attributes VALUES(70,2,'params_m','0.031');
INSERT INTO trial_user_attributes VALUES(71,2,'macs','1199658');
INSERT INTO trial_user_attributes VALUES(72,2,'gmacs','0.0012');
INSERT INTO trial_user_attributes VALUES(73,2,'gap_channels','128');
INSERT INTO trial_user_attributes VALUES(74,2,'seed','0');
INSERT INTO trial_user_attributes VALUES(75,2,'network','"5826759996c40391"');
INSERT INTO trial_user_attributes VALUES(76,2,'folder','"1-ablation/0001"');
INSERT INTO trial_user_attributes VALUES(77,2,'best_epoch','2');
INSERT INTO trial_user_attributes VALUES(78,2,'train_mae','20.9924');
INSERT INTO trial_user_attributes VALUES(79,2,'final_train_mae','20.9924');
INSERT INTO trial_user_attributes VALUES(80,2,'final_validation_mae','32.7895');
INSERT INTO trial_user_attributes VALUES(81,2,'train_mae_by_epoch','"21.4733,20.9924"');
INSERT INTO trial_user_attributes VALUES(82,2,'seconds','5.1');
INSERT INTO trial_user_attributes VALUES(83,2,'workers','1');
INSERT INTO trial_user_attributes VALUES(84,2,'images_per_second','258.2');
INSERT INTO trial_user_attributes VALUES(85,2,'peak_memory_mb','378');
INSERT INTO trial_user_attributes VALUES(86,2,'conditions','"CPU, float32, batch 16"');
INSERT INTO trial_user_attributes VALUES(87,2,'exit_reason','"completed"');
INSERT INTO trial_user_attributes VALUES(88,4,'beta','0.0625');
INSERT INTO trial_user_attributes VALUES(89,4,'mixed0','0');
INSERT INTO trial_user_attributes VALUES(90,4,'mixed1','0');
INSERT INTO trial_user_attributes VALUES(91,4,'mixed4','0');
INSERT INTO trial_user_attributes VALUES(92,4,'n5','1');
INSERT INTO trial_user_attributes VALUES(93,4,'n7','0');
INSERT INTO trial_user_attributes VALUES(94,4,'n9','1');
INSERT INTO trial_user_attributes VALUES(95,4,'sex_units','32');
INSERT INTO trial_user_attributes VALUES(96,4,'fc_units','0');
INSERT INTO trial_user_attributes VALUES(97,4,'dropout','0.0');
INSERT INTO trial_user_attributes VALUES(98,4,'params','38094');
INSERT INTO trial_user_attributes VALUES(99,4,'params_m','0.038');
INSERT INTO trial_user_attributes VALUES(100,4,'macs','1731954');
INSERT INTO trial_user_attributes VALUES(101,4,'gmacs','0.0017');
INSERT INTO trial_user_attributes VALUES(102,4,'gap_channels','128');
INSERT INTO trial_user_attributes VALUES(103,4,'seed','0');
INSERT INTO trial_user_attributes VALUES(104,4,'network','"ba13fe1fffd5489d"');
INSERT INTO trial_user_attributes VALUES(105,4,'folder','"1-ablation/0000"');
INSERT INTO trial_user_attributes VALUES(106,4,'best_epoch','1');
INSERT INTO trial_user_attributes VALUES(107,4,'train_mae','21.3783');
INSERT INTO trial_user_attributes VALUES(108,4,'final_train_mae','20.7952');
INSERT INTO trial_user_attributes VALUES(109,4,'final_validation_mae','32.9083');
INSERT INTO trial_user_attributes VALUES(110,4,'train_mae_by_epoch','"21.3783,20.7952"');
INSERT INTO trial_user_attributes VALUES(111,4,'seconds','5.9');
INSERT INTO trial_user_attributes VALUES(112,4,'images_per_second','133.8');
INSERT INTO trial_user_attributes VALUES(113,4,'peak_memory_mb','401');
INSERT INTO trial_user_attributes VALUES(114,4,'conditions','"CPU, float32, batch 16"');
INSERT INTO trial_user_attributes VALUES(115,4,'exit_reason','"completed"');
INSERT INTO trial_user_attributes VALUES(116,4,'copied_from','"1 ablation #0"');
INSERT INTO trial_user_attributes VALUES(117,5,'beta','0.0875');
INSERT INTO trial_user_attributes VALUES(118,5,'mixed0','0');
INSERT INTO trial_user_attributes VALUES(119,5,'mixed1','0');
INSERT INTO trial_user_attributes VALUES(120,5,'mixed4','0');
INSERT INTO trial_user_attributes VALUES(121,5,'n5','1');
INSERT INTO trial_user_attributes VALUES(122,5,'n7','0');
INSERT INTO trial_user_attributes VALUES(123,5,'n9','1');
INSERT INTO trial_user_attributes VALUES(124,5,'sex_units','32');
INSERT INTO trial_user_attributes VALUES(125,5,'fc_units','0');
INSERT INTO trial_user_attributes VALUES(126,5,'dropout','0.0');
INSERT INTO trial_user_attributes VALUES(127,5,'params','70288');
INSERT INTO trial_user_attributes VALUES(128,5,'params_m','0.07');
INSERT INTO trial_user_attributes VALUES(129,5,'macs','3163055');
INSERT INTO trial_user_attributes VALUES(130,5,'gmacs','0.0032');
INSERT INTO trial_user_attributes VALUES(131,5,'gap_channels','176');
INSERT INTO trial_user_attributes VALUES(132,5,'seed','0');
INSERT INTO trial_user_attributes VALUES(133,5,'network','"e8ac3d4e62f53eee"');
INSERT INTO trial_user_attributes VALUES(134,5,'folder','"2-width/0001"');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_system_attributes VALUES(1,1,'fixed_params','{"variant": "baseline", "seed": 0}');
INSERT INTO trial_system_attributes VALUES(2,2,'fixed_params','{"variant": "mixed5=0", "seed": 0}');
INSERT INTO trial_system_attributes VALUES(3,3,'fixed_params','{"variant": "mixed9=0", "seed": 0}');
INSERT INTO trial_system_attributes VALUES(4,1,'artifacts:b2d009ff-9b2e-5dcc-b9ae-6a4e0d735642','"{\"artifact_id\": \"b2d009ff-9b2e-5dcc-b9ae-6a4e0d735642\", \"filename\": \"learning_curve.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(5,1,'artifacts:c9b23c21-3acb-5448-81bb-c3d98cbdc1ee','"{\"artifact_id\": \"c9b23c21-3acb-5448-81bb-c3d98cbdc1ee\", \"filename\": \"network.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(6,1,'artifacts:ded275ec-c8da-594b-b3d4-ac107efc4646','"{\"artifact_id\": \"ded275ec-c8da-594b-b3d4-ac107efc4646\", \"filename\": \"cam_sheet.png\", \"mimetype\": \"image/png\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(7,3,'artifacts:64f098f4-268e-5ee0-ad42-51390e6a7e8d','"{\"artifact_id\": \"64f098f4-268e-5ee0-ad42-51390e6a7e8d\", \"filename\": \"learning_curve.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(8,3,'artifacts:d69924bf-2410-550f-a7e5-24ec6310b55e','"{\"artifact_id\": \"d69924bf-2410-550f-a7e5-24ec6310b55e\", \"filename\": \"network.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(9,3,'artifacts:bee23e32-6859-5bca-9db2-7b952cfd59df','"{\"artifact_id\": \"bee23e32-6859-5bca-9db2-7b952cfd59df\", \"filename\": \"cam_sheet.png\", \"mimetype\": \"image/png\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(10,2,'artifacts:403d9585-5ddf-59c5-93b1-b2bc31e4eff0','"{\"artifact_id\": \"403d9585-5ddf-59c5-93b1-b2bc31e4eff0\", \"filename\": \"learning_curve.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(11,2,'artifacts:730bbcec-6747-516f-b5ee-2c701c06220b','"{\"artifact_id\": \"730bbcec-6747-516f-b5ee-2c701c06220b\", \"filename\": \"network.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(12,2,'artifacts:18eca789-923b-55d8-a02b-9c4430a4ca24','"{\"artifact_id\": \"18eca789-923b-55d8-a02b-9c4430a4ca24\", \"filename\": \"cam_sheet.png\", \"mimetype\": \"image/png\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(13,4,'fixed_params','{"beta": 0.0625, "seed": 0}');
INSERT INTO trial_system_attributes VALUES(14,4,'artifacts:5d7f2a7d-795a-5e36-8833-af82fcbd4002','"{\"artifact_id\": \"5d7f2a7d-795a-5e36-8833-af82fcbd4002\", \"filename\": \"learning_curve.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(15,4,'artifacts:651133dc-dbc1-50c6-b53e-1467948c8f2f','"{\"artifact_id\": \"651133dc-dbc1-50c6-b53e-1467948c8f2f\", \"filename\": \"network.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(16,4,'artifacts:27674058-744c-56b0-95a2-a744f409009e','"{\"artifact_id\": \"27674058-744c-56b0-95a2-a744f409009e\", \"filename\": \"cam_sheet.png\", \"mimetype\": \"image/png\", \"encoding\": null}"');
INSERT INTO trial_system_attributes VALUES(17,5,'fixed_params','{"beta": 0.0875, "seed": 0}');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_params VALUES(1,1,'variant',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["baseline", "mixed5=0", "mixed9=0"]}}');
INSERT INTO trial_params VALUES(2,1,'seed',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2147483647}}');
INSERT INTO trial_params VALUES(3,3,'variant',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["baseline", "mixed5=0", "mixed9=0"]}}');
INSERT INTO trial_params VALUES(4,3,'seed',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2147483647}}');
INSERT INTO trial_params VALUES(5,2,'variant',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["baseline", "mixed5=0", "mixed9=0"]}}');
INSERT INTO trial_params VALUES(6,2,'seed',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2147483647}}');
INSERT INTO trial_params VALUES(7,4,'beta',0.0625,'{"name": "FloatDistribution", "attributes": {"step": 0.025, "low": 0.0625, "high": 0.0875, "log": false}}');
INSERT INTO trial_params VALUES(8,4,'seed',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2147483647}}');
INSERT INTO trial_params VALUES(9,5,'beta',0.087499999999999994448,'{"name": "FloatDistribution", "attributes": {"step": 0.025, "low": 0.0625, "high": 0.0875, "log": false}}');
INSERT INTO trial_params VALUES(10,5,'seed',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2147483647}}');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_values VALUES(1,1,0,32.872386052058296002,'FINITE');
INSERT INTO trial_values VALUES(2,3,0,32.748582106370193399,'FINITE');
INSERT INTO trial_values VALUES(3,2,0,32.789542564978965799,'FINITE');
INSERT INTO trial_values VALUES(4,4,0,32.872386052058296002,'FINITE');
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_intermediate_values VALUES(1,1,1,32.872386052058296002,'FINITE');
INSERT INTO trial_intermediate_values VALUES(2,1,2,32.908340454101562499,'FINITE');
INSERT INTO trial_intermediate_values VALUES(3,3,1,32.763363177959732297,'FINITE');
INSERT INTO trial_intermediate_values VALUES(4,3,2,32.748582106370193399,'FINITE');
INSERT INTO trial_intermediate_values VALUES(5,2,1,32.841456486628608502,'FINITE');
INSERT INTO trial_intermediate_values VALUES(6,2,2,32.789542564978965799,'FINITE');
INSERT INTO trial_intermediate_values VALUES(7,4,1,32.872386052058296002,'FINITE');
INSERT INTO trial_intermediate_values VALUES(8,4,2,32.908340454101562499,'FINITE');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('v3.2.0.a');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
